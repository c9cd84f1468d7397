# type = command: what mounts is two forks and two sessions away from the program that was started, and has no environment: the fence finds and ends it all
# the same, before the next one is started. A program that goes to the background itself is told so.
# limit: 60
. "$REPO/tests/lib/lib.sh"

command -v bindfs >/dev/null || skip "bindfs is not installed"

# serve MOUNTPOINT: stays; the daemon leaves its pid, that of its bindfs, and ends with neither of them.
cat >"$WORK/serve" <<-END
	#!/bin/sh
	setsid -f setsid -f env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c '
		bindfs -f "\$0/box" "\$1" &
		echo \$! >"\$0/bindfs.pid"
		echo \$\$ >"\$0/daemon.pid"
		wait
		exec tail -f /dev/null' "$WORK" "\$1"
	exec tail -f /dev/null
END
chmod +x "$WORK/serve"

mkdir -p "$WORK/box/jobs/cold"
conf_begin
conf 'backend box' 'type = command' "alias = $WORK/cold/box" "command = [\"$WORK/serve\", \"{mountpoint}\"]"
conf_tier box/jobs/cold cold
COLD=$MNT/cold SERVER=$WORK/box/jobs/cold
start_guardfs
wait_healthy

# The daemon's pids and the epoch before something happens to it.
look()
{
	epoch=$(backend_field box epoch) daemon=$(cat "$WORK/daemon.pid") bindfs=$(cat "$WORK/bindfs.pid")
	is_gone "$daemon" && fail "the daemon is not there"
	return 0
}

# Another epoch serves; nothing of the one before is left.
await_another()
{
	wait_value 20000 backend_field box epoch -gt "$epoch"
	is_gone "$daemon" && is_gone "$bindfs" || fail "$1: the next one serves, and the daemon of the one before lives"
	wait_healthy box 20000
	assert_content "$COLD/file" "$1"
	assert_ne "$(cat "$WORK/daemon.pid")" "$daemon" "the daemon's pid"
}

say "the program is killed, its daemon is not"
echo killed >"$COLD/file"
look
kill -9 "$(backend_field box pid)"
await_another killed

say "the daemon is stopped: a caller gets the error by the deadline, and nothing of it can go on"
echo stopped >"$COLD/file"
look
kill -STOP "$bindfs"
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/file"
await_another stopped

say "program and keeper are killed: the next keeper ends the daemon"
echo both >"$COLD/file"
look
keeper=$(process_pid keeper)
kill -STOP "$keeper"
kill -9 "$(backend_field box pid)"
kill -9 "$keeper"
wait_value 10000 process_pid keeper != "$keeper"
await_another both

memory_limit()
{
	sed -n 's/^Max data size *\([0-9a-z]*\).*/\1/p' "/proc/$1/limits"
}

say "its memory is bounded in the daemon, too"
wait_value 5000 memory_limit "$(cat "$WORK/bindfs.pid")" == $(((1024 + 256) << 20))

say "drills: all of it is stopped; a login of guardfs's own it does not have"
look
wait_until 20000 backend_is box healthy # no drill before: not in its probation
ctl drill hang box --for 3s >"$WORK/drilled" || fail "$(cat "$WORK/drilled")"
wait_healthy box 20000
is_gone "$daemon" && is_gone "$bindfs" || fail "the daemon of before the drill lives"
! ctl drill auth box --for 1s 2>"$WORK/refused" || fail "the drill auth was taken"
grep -q "auth needs a backend of type sshfs or sftp" "$WORK/refused" || fail "$(cat "$WORK/refused")"

say "the end: nothing is left of it"
look
stop_guardfs
is_gone "$daemon" && is_gone "$bindfs" || fail "guardfs has ended, and the daemon lives"

say "one that has the kernel mount something, which goes on without it, is refused"
sed -i "s|^command = .*|command = [\"/bin/sh\", \"-c\", \"mount -t tmpfs none {mountpoint} \&\& exec tail -f /dev/null\"]|" "$CONF"
start_guardfs
wait_until 10000 grep -q 'it mounted tmpfs: only FUSE can be fenced' "$WORK/guardfs.log"
stop_guardfs

say "a program that goes to the background is told to stay, and does not stay there"
sed -i "s|^command = .*|command = [\"$(command -v bindfs)\", \"$WORK/box\", \"{mountpoint}\"]|" "$CONF"
start_guardfs
wait_until 10000 grep -q 'went to the background' "$WORK/guardfs.log"
stop_guardfs
! grep -zlxF "GUARDFS_TRANSPORT=$RUN/box" /proc/[0-9]*/environ 2>/dev/null | grep . || fail "it is still there"
