# alone
# Failure mode 11, 2026-02-06: locks in /tmp. Root could not open a lock file of another user there (fs.protected_regular), and a lock
# that a deployment had left kept recovery from acting. guardfs: its one lock is held by a living process or by nobody, and no lock of
# others matters to it.
# limit: 120
# long: four starts of guardfs, and its recoveries
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"

# As Debian and Ubuntu set it; this machine gets its own setting back.
PROTECTED=/proc/sys/fs/protected_regular
was=$(<$PROTECTED)
trap 'rc=$?; echo "$was" >$PROTECTED; set +e; (exit $rc); at_exit' EXIT
echo 2 >$PROTECTED || skip "fs.protected_regular cannot be set"

# foreign_file DIRECTORY NAME: a file of another user's in a directory that everybody can write to.
foreign_file()
{
	mkdir -p "$1"
	chmod 1777 "$1"
	touch "$1/$2"
	chown 1000:1000 "$1/$2"
}

# hold_lock FILE: a process that holds it for as long as we please.
hold_lock()
{
	flock "$1" sleep infinity & # sleep-ok: what it does under its lock
	echo $! >"$WORK/deploy.pid"
	wait_until 5000 not flock -n "$1" true
}
let_lock_go()
{
	kill $(descendants_of "$(cat "$WORK/deploy.pid")") "$(cat "$WORK/deploy.pid")"
	rm "$WORK/deploy.pid"
}

setup_one_box
echo hello >"$SERVER/file"

say "the old set-up: root cannot open the lock of another user's job in a sticky directory"
foreign_file "$WORK/tmp/healtharchive-job-locks" job-1.lock
assert_exit 1 'Permission denied' bash -c 'exec 9>"$1"' - "$WORK/tmp/healtharchive-job-locks/job-1.lock"
assert_exit 1 'PermissionError' python3 -c 'import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)' \
	"$WORK/tmp/healtharchive-job-locks/job-1.lock"

say "the old set-up: a deployment that hangs holds its lock, and so the watchdog only probes"
old_mount
echo "$OLD_BASE/jobs/cold $OLD_JOBS/hot" >"$WORK/old-manifest"
old_apply "$WORK/old-manifest"
deploy=$WORK/tmp/healtharchive-backend-deploy.lock
touch "$deploy"
hold_lock "$deploy"
old_kill
old_watchdog()
{
	old_finds_stale "$OLD_JOBS/hot" || return 0
	flock -n "$deploy" true || return 0 # last_skip: deploy lock
	umount "$OLD_JOBS/hot" || umount -l "$OLD_JOBS/hot"
}
for _ in 1 2 3; do
	old_watchdog
	assert_eq "$(old_probe "$OLD_JOBS/hot")" '0 107' "the hot path after the watchdog's run"
done
old_end

# recovers: after its sshfs was killed.
recovers()
{
	local epoch

	epoch=$(backend_field box epoch)
	kill -KILL "$(sshfs_pid)"
	wait_value 10000 backend_field box epoch -gt "$epoch"
	wait_healthy
	assert_content "$COLD/file" hello
}

say "guardfs, the deployment's lock still held: it starts and recovers"
start_guardfs
wait_healthy
recovers
let_lock_go

say "a second one is refused while the first lives, and does it no harm"
assert_exit 1 'already serving' timeout 10 "$GUARDFS" -f -c "$CONF"
assert_content "$COLD/file" hello

say "guardian killed: the next one takes the session over"
epoch=$(backend_field box epoch)
kill -KILL "$GUARDIAN"
wait_until 5000 is_gone "$GUARDIAN"
start_guardfs
wait_healthy
assert_content "$COLD/file" hello
recovers

say "everything killed: the lock is released with the last of them, and the next start takes it"
pids="$GUARDIAN $(descendants_of "$GUARDIAN")"
kill -KILL $pids
for pid in $pids; do
	wait_until 5000 is_gone "$pid"
done
[[ -e $RUN/lock ]] || fail "the case expects the lock's file to be left"
flock -n "$RUN/lock" true || fail "the lock is held by nobody that lives"
# Without systemd's descriptor store nobody has kept that session: its dead mount is detached by the next start.
start_guardfs
wait_healthy
recovers
stop_guardfs

say "a stale file of that name, with the pid of a process that lives"
mkdir -p "$RUN"
echo $$ >"$RUN/lock"
start_guardfs
wait_healthy
recovers
stop_guardfs

say "one of another user's, in a runtime directory that everybody can write to"
foreign_file "$RUN" lock
start_guardfs
wait_healthy
recovers
