# old-host.bash: a host in the old arrangement, in the case's own namespaces: a raw sshfs, binds by a manifest and by the
# annual script, one of them stale since sshfs was restarted, a crawler's files on both tiers.
. "$REPO/tests/cases/replay/old-setup.bash"

# A source of its own: cases beside this one have a raw sshfs of root@127.0.0.1:, too, and by its source a mount is found in
# any namespace.
OLD_FSNAME=root@127.0.0.1:$WORK
ENV=$WORK/storagebox.env MANIFEST=$WORK/warc-tiering.binds MSTATE=$WORK/migration
ANNUAL=hc/20260101T000500Z__hc-20260101 JOB=phac/20251103T120000Z__phac-small
MIGRATE=("$REPO/scripts/migrate-from-binds" --env "$ENV" --manifest "$MANIFEST" --jobs "$OLD_JOBS" --conf "$CONF" --state "$MSTATE"
	--known-hosts "$WORK/box/known_hosts" --name test --run-dir "$RUN" --state-dir "$STATE" --service "${SERVICE:-direct}")
export GUARDFS GUARDCTL
MNT=$OLD_JOBS

# A case that fails leaves no directory behind that cannot be removed.
make_removable()
{
	local rc=$?

	set +e # what is returned is for at_exit
	if ((rc != 0)); then
		umount -l "$OLD_JOBS" "$OLD_BASE"
		chattr -i "$OLD_JOBS" "$OLD_BASE"
	fi 2>/dev/null
	return "$rc"
}
trap 'make_removable; at_exit' EXIT

migrate()
{
	"${MIGRATE[@]}" "$@"
}

# file PATH BYTES
file()
{
	mkdir -p "$(dirname "$1")"
	head -c "$2" /dev/urandom >"$1"
}

# What a crawler leaves: state, logs, WARCs under two names, names with blanks, modes.
crawl_files()
{
	file "$1/.tmpx1/collections/crawl-1/archive/rec-0.warc.gz" 300000
	file "$1/archive_initial_20251103_120000.combined.log" 20000
	file "$1/odd name/with blanks \\ and more" 10
	echo '{"current_workers": 2}' >"$1/.archive_state.json"
	chmod 0640 "$1/.archive_state.json"
}

old_files()
{
	local data=$WORK/box/data/jobs

	crawl_files "$data/$ANNUAL"
	crawl_files "$data/imports/legacy"
	crawl_files "$data/imports/stale"
	crawl_files "$data/imports/unbound"
	mkdir -p "$OLD_JOBS/$ANNUAL" "$OLD_JOBS"/imports/{legacy,stale}
	crawl_files "$OLD_JOBS/$JOB"
	mkdir "$OLD_JOBS/$JOB/warcs"
	ln "$OLD_JOBS/$JOB/.tmpx1/collections/crawl-1/archive/rec-0.warc.gz" "$OLD_JOBS/$JOB/warcs/warc-000001.warc.gz"
	file "$OLD_JOBS/manual-warcs/one.warc.gz" 1000
}

old_config()
{
	cat >"$ENV" <<-END
		# as on the host
		STORAGEBOX_HOST=127.0.0.1
		STORAGEBOX_PORT="$(cat "$WORK/box/port")"
		STORAGEBOX_USER=root
		STORAGEBOX_IDENTITY='$WORK/box/user_key'
		STORAGEBOX_UID=0
		STORAGEBOX_GID=0
		STORAGEBOX_REMOTE_PATH=
		STORAGEBOX_MOUNT=$OLD_BASE
	END
	cat >"$MANIFEST" <<-END
		# imports
		$OLD_BASE/jobs/imports/legacy $OLD_JOBS/imports/legacy   moved 2025-04
		$OLD_BASE/jobs/imports/stale $OLD_JOBS/imports/stale
		$OLD_BASE/jobs/imports/unbound $OLD_JOBS/imports/unbound
	END
	cp "$MANIFEST" "$WORK/manifest.first"
}

# The base is mounted, a bind is made, sshfs is restarted, the others are bound.
old_host()
{
	old_files
	old_config
	old_mount
	mount --bind "$OLD_BASE/jobs/imports/stale" "$OLD_JOBS/imports/stale"
	old_kill
	old_unmount
	old_mount
	mount --bind "$OLD_BASE/jobs/imports/legacy" "$OLD_JOBS/imports/legacy"
	mount --bind "$OLD_BASE/jobs/$ANNUAL" "$OLD_JOBS/$ANNUAL"
	assert_eq "$(old_probe "$OLD_JOBS/imports/stale")" '0 107' "the stale bind"
	expected_sums >"$WORK/sums"
	ROOT_ID=$(stat -c %d:%i "$OLD_JOBS")
}

# What there is, by what lies on the box and on the disk itself.
expected_sums()
{
	{
		(cd "$OLD_JOBS" && find "$JOB" manual-warcs -type f -exec sha256sum {} +)
		(cd "$WORK/box/data/jobs" && find "$ANNUAL" imports -type f ! -path '*/unbound/*' -exec sha256sum {} +)
	} | sort
}

# The files through the archive root as it is now.
assert_files()
{
	# The intruder's directories come and go, also while find opens them: what is missing is seen by the sums.
	(cd "$OLD_JOBS" && { find "$JOB" manual-warcs "$ANNUAL" imports/legacy imports/stale -ignore_readdir_race \
		-name intruder -prune -o -type f -exec sha256sum {} + || true; }) | sort >"$WORK/sums.now"
	diff "$WORK/sums" "$WORK/sums.now" || fail "files differ"
	assert_eq "$(stat -c %h "$OLD_JOBS/$JOB/warcs/warc-000001.warc.gz")" 2 "links"
	assert_eq "$(stat -c %a "$OLD_JOBS/$JOB/.archive_state.json")" 640 "mode"
}

# Mounted by the old set-up: POINT and ROOT of each, sorted.
binds_now()
{
	awk -v jobs="$OLD_JOBS/" '$9 == "fuse.sshfs" && index($5, jobs) == 1 { print substr($5, length(jobs) + 1), $4 }' /proc/self/mountinfo | sort
}

# All but that the stale bind may still be stale.
assert_untouched()
{
	assert_eq "$(stat -c %d:%i "$OLD_JOBS")" "$ROOT_ID" "the archive root"
	assert_missing "$OLD_JOBS.local"
	assert_missing "$CONF"
	cmp "$MANIFEST" "$WORK/manifest.first" || fail "the manifest was changed"
	assert_eq "$(binds_now)" "$ANNUAL /jobs/$ANNUAL
imports/legacy /jobs/imports/legacy
imports/stale /jobs/imports/stale" "binds"
	old_base_is_fine || fail "the base is not fine"
}

assert_old()
{
	assert_untouched
	assert_files
}

assert_new()
{
	mounted || fail "guardfs is not mounted at the archive root"
	assert_eq "$(binds_now)" '' "binds left"
	assert_eq "$(stat -c %d:%i "$OLD_JOBS.local")" "$ROOT_ID" "the local tier"
	assert_files
	[[ $(findmnt -n -o FSTYPE "$OLD_BASE") == fuse.guardfs ]] || fail "the storage is not shown by guardfs"
	assert_exit 0 '0 disagreements' ctl tiers
}

# Whatever sshfs runs at the base now, a rollback's own among them.
old_end_all()
{
	local pid target

	while read -r target; do
		umount -l "$target"
	done < <(awk -v base="$WORK/old/" 'index($5, base) == 1 { print $5 }' /proc/self/mountinfo | tac)
	for pid in $(grep -lx sshfs /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3); do
		if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$OLD_BASE "; then
			kill -KILL "$pid" $(descendants_of "$pid")
			wait_until 5000 is_gone "$pid"
		fi
	done
	rm -f "$WORK/old-sshfs.pid"
}

# On the local disk itself, whatever is mounted there: names called intruder. Prints them.
intruders()
{
	mkdir -p "$WORK/beneath-all"
	unshare -m --propagation private bash -c 'mount --bind "$1" "$2" && find "$2" -name "intruder*" -printf "%P\n"' _ \
		"$WORK/old" "$WORK/beneath-all"
	rmdir "$WORK/beneath-all"
}

# intrude [once]: tries to make directories in each hot path and on the storage, over and over, as root; "done" in its output is the
# end of a round. Deep enough for no fingerprint to see it.
intrude()
{
	exec python3 "$REPO/tests/cases/migration/intrude.py" "${1:-always}" "$OLD_JOBS"/{"$ANNUAL",imports/legacy,imports/stale}/.tmpx1/collections/crawl-1 \
		"$OLD_BASE/jobs"
}

intruder_begin()
{
	intrude </dev/null >"$WORK/intruder" 2>&1 &
	echo $! >"$WORK/intruder.pid"
	wait_until 10000 grep -q done "$WORK/intruder"
}

# It has been there until now, and nothing of it is on the local disk.
intruder_end()
{
	local pid

	pid=$(cat "$WORK/intruder.pid")
	kill -TERM "$pid" || fail "the intruder has ended: $(tail -n 3 "$WORK/intruder")"
	wait "$pid" || true
	rm "$WORK/intruder.pid"
	echo "intruder: $(tail -n 1 "$WORK/intruder")"
	assert_eq "$(intruders)" '' "written to bare directories of the local disk"
}

# A power cut takes with it all that is mounted, and whoever serves it; the storage box goes on.
power_cut()
{
	local pid pids=() target

	for pid in $(ls /proc | grep -E '^[0-9]+$'); do
		case $(readlink "/proc/$pid/exe") in
		"$GUARDFS" | */sshfs | */ssh) ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$WORK/" || pids+=("$pid") ;;
		esac
	done 2>/dev/null
	((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
	while read -r target; do
		umount -c -l "$target" 2>/dev/null || true
	done < <(awk -v base="$WORK/old/" 'index($5, base) == 1 { print $5 }' /proc/self/mountinfo | tac)
	for pid in "${pids[@]}"; do
		wait_until 10000 is_gone "$pid"
	done
	rm -f "$WORK/old-sshfs.pid"
}
