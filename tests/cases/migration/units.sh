# A host with systemd: the old units are disabled and stopped, guardfs's is enabled, and who uses the tree is ordered after it
# by drop-ins; a rollback puts all of it back, the watchdog's sentinel too. systemctl is a stand-in that does what the units
# would do.
# limit: 180
# long: two migrations, one of them cut, and a rollback
SERVICE=systemd # for old-host.bash
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"

UNITS=$WORK/units SSHFS_UNIT=healtharchive-storagebox-sshfs.service
mkdir -p "$UNITS" "$WORK/bin"
export UNITS WORK CONF GUARDFS GUARDCTL OLD_BASE OLD_FSNAME
cat >"$WORK/bin/systemctl" <<'END'
#!/bin/bash
# Files UNIT.enabled and UNIT.active are the state; what starting and stopping means for the two that matter.
set -eu
start()
{
	touch "$UNITS/$1.active"
	case $1 in
	*sshfs.service)
		setsid sshfs -f -p "$(cat "$WORK/box/port")" root@127.0.0.1: "$OLD_BASE" \
			-o "IdentityFile=$WORK/box/user_key,UserKnownHostsFile=$WORK/box/known_hosts" \
			-o "fsname=$OLD_FSNAME,allow_other,default_permissions,uid=0,gid=0,umask=0027,reconnect" </dev/null >/dev/null 2>&1 &
		;;
	guardfs@*) "$GUARDFS" -c "$CONF" ;;
	esac
}
stop()
{
	rm -f "$UNITS/$1.active"
	case $1 in
	*sshfs.service) fusermount3 -u "$OLD_BASE" || umount -l "$OLD_BASE" ;;
	guardfs@*)
		pid=$("$GUARDCTL" -c "$CONF" status --json | jq .processes.guardian)
		kill -TERM "$pid"
		tail --pid="$pid" -s 0.05 -f /dev/null # systemd returns when the service has ended
		;;
	esac
}
now=0
[[ $1 != -q ]] || shift
verb=$1
shift
[[ ${1:-} != --now ]] || { now=1; shift; }
echo "$verb ${1:-}" >>"$UNITS/log"
case $verb in
is-enabled) [[ -e $UNITS/$1.enabled ]] ;;
is-active) [[ -e $UNITS/$1.active ]] ;;
enable) touch "$UNITS/$1.enabled"; ((now == 0)) || start "$1" ;;
disable) rm -f "$UNITS/$1.enabled"; ((now == 0)) || stop "$1" ;;
start | stop) "$verb" "$1" ;;
cat) [[ -e $UNITS/$1.file ]] ;;
daemon-reload) ;;
*) exit 2 ;;
esac
END
chmod +x "$WORK/bin/systemctl"
PATH=$WORK/bin:$PATH

box_start box
old_files
old_config
mkdir -p "$OLD_BASE"
systemctl enable --now "$SSHFS_UNIT"
wait_until 10000 mountpoint -q "$OLD_BASE"
systemctl enable --now healtharchive-warc-tiering.service
systemctl enable --now healtharchive-storage-hotpath-auto-recover.timer
mkdir -p "$OLD_JOBS/imports/unbound"
cp "$MANIFEST" "$WORK/manifest.first"
old_apply <(grep -v "^#" "$MANIFEST")
mount --bind "$OLD_BASE/jobs/$ANNUAL" "$OLD_JOBS/$ANNUAL"
expected_sums >"$WORK/sums"
ROOT_ID=$(stat -c %d:%i "$OLD_JOBS")
touch "$WORK/sentinel"
# docker is not there; the replay has a drop-in of its own.
DROPINS=$WORK/systemd
mkdir -p "$DROPINS/healtharchive-replay.service.d"
echo '# by hand' >"$DROPINS/healtharchive-replay.service.d/guardfs.conf"
touch "$UNITS"/healtharchive-{worker,replay}.service.file
MIGRATE+=(--sentinel "$WORK/sentinel" --unit-dir "$DROPINS/")

say "refused: systemd does not know guardfs's unit"
assert_exit 1 'does not know guardfs@test.service: make install' migrate --apply
assert_missing "$OLD_JOBS.local"
assert_missing "$CONF"
touch "$UNITS/guardfs@test.service.file"

units_now()
{
	(cd "$UNITS" && ls | grep -Ev '^log$|file$' | tr '\n' ' ')
}
before=$(units_now)

say "migrated"
migrate --apply
assert_new
assert_eq "$(units_now)" "guardfs@test.active guardfs@test.enabled healtharchive-warc-tiering.service.active " units
assert_missing "$WORK/sentinel"
dropin=$DROPINS/healtharchive-worker.service.d/guardfs.conf
for line in Requires=guardfs@test.service After=guardfs@test.service "RequiresMountsFor=$OLD_JOBS" "AssertPathIsMountPoint=$OLD_JOBS"; do
	grep -qxF "$line" "$dropin" || fail "the worker's drop-in lacks $line"
done
! grep -q 'jobs\.conf\|guardfs@jobs' "$dropin" || fail "the worker's drop-in is another instance's"
assert_content "$DROPINS/healtharchive-replay.service.d/guardfs.conf" '# by hand'
assert_missing "$DROPINS/docker.service.d"
grep -A 1 '^daemon-reload' "$UNITS/log" | grep -q '^enable guardfs@test' || fail "the drop-ins come too late"

say "rolled back"
migrate --rollback
assert_missing "$DROPINS/healtharchive-worker.service.d"
assert_content "$DROPINS/healtharchive-replay.service.d/guardfs.conf" '# by hand'
assert_eq "$(units_now)" "$before" units
[[ -e $WORK/sentinel ]] || fail "the sentinel is not back"
assert_eq "$(stat -c %d:%i "$OLD_JOBS")" "$ROOT_ID" "the archive root"
assert_missing "$CONF"
assert_eq "$(binds_now | wc -l)" 4 binds
assert_files

say "and again, cut before guardfs was started, and gone on with; a drop-in that was edited is kept"
MIGRATE_STOP=acted:dropins migrate --apply >/dev/null 2>&1 || true
MIGRATE_STOP=begin:start migrate --apply >/dev/null 2>&1 || true
migrate --apply
assert_new
echo '# mine' >>"$dropin"
assert_exit 0 "guardfs.conf was changed since: kept as" migrate --rollback
assert_missing "$dropin"
assert_match "$(cat "$dropin.rolled-back")" '# mine'
assert_eq "$(units_now)" "$before" units
assert_files
old_end_all
