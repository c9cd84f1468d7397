# Who would write past guardfs after a migration, or lose what he has open: found by the mounts of every process and by open
# files, wherever they have it, and named before anything is changed; when going back, too.
# limit: 600
# long: two migrations, and a dozen looks at every process of the machine
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"
. "$REPO/tests/cases/migration/container.bash"

box_start box
old_host
COLD=$OLD_BASE/jobs/imports/legacy

# refused REGEX...: each is said, and nothing was changed.
refused()
{
	local pattern

	if migrate --apply >"$WORK/said" 2>&1; then
		cat "$WORK/said"
		fail "not refused"
	fi
	for pattern in "$@"; do
		grep -qE "$pattern" "$WORK/said" || { cat "$WORK/said"; fail "not said: $pattern"; }
	done
	assert_untouched
	rm -rf "$MSTATE"
}

# holder COMMAND...: runs until end_holder.
holder()
{
	"$@" </dev/null >"$WORK/holder.out" 2>&1 &
	echo $! >"$WORK/holder.pid"
	wait_until 10000 grep -q up "$WORK/holder.out"
}
end_holder()
{
	local pid

	pid=$(cat "$WORK/holder.pid")
	kill -KILL "$pid"
	rm "$WORK/holder.pid"
	wait "$pid" 2>/dev/null || true
}

say "a container whose only bind is a cold job's directory, with a file open in it; without one"
for source in "$OLD_JOBS/$ANNUAL" "$COLD"; do
	container crawl "$source" private written
	pid=$(cat "$WORK/crawl.pid")
	refused "REFUSED: process $pid \(bash.* in another mount namespace has /jobs/.* mounted at /output: stop it" \
		"REFUSED: /output/written is open in process $pid .*: end it"
	container_writes crawl before
	container_end crawl
	container crawl "$source"
	refused "REFUSED: process $(cat "$WORK/crawl.pid") .* mounted at /output: stop it"
	container_end crawl
done

rm "$OLD_JOBS/$ANNUAL/written" "$COLD/written"

say "a local job's directory; one that hears of the host's mounts, and yet has the directory itself"
container crawl "$OLD_JOBS/$JOB"
refused "has .*/$JOB mounted at /output"
container_end crawl
container crawl "$OLD_JOBS/$ANNUAL" slave
refused "has /jobs/$ANNUAL mounted at /output"
container_end crawl

say "the directory above the tree: the mounts in it are copies, and a file is open below it"
container crawl "$WORK/old"
refused "has / mounted at /output/storagebox" "has /jobs/$ANNUAL mounted at /output/jobs/$ANNUAL"
container_end crawl
container crawl "$WORK/old" slave "jobs/$JOB/written"
refused "/output/jobs/$JOB/written is open in process $(cat "$WORK/crawl.pid")"
container_end crawl
rm "$OLD_JOBS/$JOB/written"

say "a namespace with copies of all of it, at the same places"
holder unshare -m --propagation private bash -c 'cd /; echo up; exec tail -f /dev/null'
refused "has / mounted at $OLD_BASE: stop it"
end_holder
say "one that hears of what is unmounted here is in nobody's way"
holder unshare -m --propagation slave bash -c 'cd /; echo up; exec tail -f /dev/null'
migrate >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "a slave is in the way"; }
end_holder

say "mounted at another place here; open on a mount that was detached; mapped alone"
mkdir "$WORK/elsewhere"
mount --bind "$COLD" "$WORK/elsewhere"
refused "REFUSED: /jobs/imports/legacy is mounted at $WORK/elsewhere, too: unmount it"
exec 7<"$WORK/elsewhere/.archive_state.json"
umount -l "$WORK/elsewhere"
refused "archive_state.json is open in process $$ "
exec 7<&-
rmdir "$WORK/elsewhere"
cp "$(ldconfig -p | sed -n 's/.*libm\.so\.6 .*=> //p' | head -n 1)" "$OLD_JOBS/$JOB/library.so"
echo up >"$WORK/up"
holder env LD_PRELOAD="$OLD_JOBS/$JOB/library.so" tail -f "$WORK/up"
refused "$JOB/library.so is open in process $(cat "$WORK/holder.pid")"
end_holder
rm "$OLD_JOBS/$JOB/library.so"

say "an earlier sshfs that lives, because somebody has its mount"
umount "$OLD_JOBS/$ANNUAL" "$OLD_JOBS/imports/legacy"
umount -l "$OLD_JOBS/imports/stale"
exec 7<"$OLD_BASE"
umount -l "$OLD_BASE"
earlier=$OLD_SSHFS
old_mount 7<&-
mount --bind "$OLD_BASE/jobs/imports/stale" "$OLD_JOBS/imports/stale"
mount --bind "$OLD_BASE/jobs/imports/legacy" "$OLD_JOBS/imports/legacy"
mount --bind "$OLD_BASE/jobs/$ANNUAL" "$OLD_JOBS/$ANNUAL"
refused "2 processes of sshfs serve $OLD_BASE .*an earlier one lives"
exec 7<&-
wait_until 10000 is_gone "$earlier"

say "one that came after the look: refused where the storage would be taken from it, and gone on with when it has ended"
MIGRATE_STOP=done:binds migrate --apply >/dev/null 2>&1 || true
container crawl "$COLD" private written
assert_exit 1 'has /jobs/imports/legacy mounted at /output.*nothing was changed by this run' migrate --apply
assert_exit 1 'has /jobs/imports/legacy mounted at /output.*nothing was changed by this run' migrate --rollback
container_writes crawl meanwhile
assert_eq "$(intruders)" '' "bare directories"
container_end crawl
rm "$COLD/written"
migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "rollback"; }
assert_old
migrate --apply >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "migration"; }
assert_new

say "back: a container on guardfs, a writer on the host"
container crawl "$OLD_JOBS/$JOB" private written
hold writer append "$OLD_JOBS/$ANNUAL/new"
rc=0
migrate --rollback >"$WORK/said" 2>&1 || rc=$?
for pattern in "REFUSED: process $(cat "$WORK/crawl.pid") .* has /$JOB mounted at /output: stop it" \
	"REFUSED: /output/written is open in process $(cat "$WORK/crawl.pid")" \
	"REFUSED: $OLD_JOBS/$ANNUAL/new is open in process $(cat "$WORK/writer.pid")"; do
	grep -qE "$pattern" "$WORK/said" || { cat "$WORK/said"; fail "not said: $pattern"; }
done
assert_eq "$rc" 1 "exit status"
container_writes crawl through
assert_held OK 0 10000 writer append 3
assert_exit 0 complete migrate --status
container_end crawl
let_go writer
rm "$OLD_JOBS/$JOB/written" "$OLD_JOBS/$ANNUAL/new"
assert_new
migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "rollback"; }
assert_old
old_end_all
