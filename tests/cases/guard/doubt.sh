# A worker killed, or a deadline passed, in the middle of a change of names: what is seen from then on is what is there, not what
# guardfs or the kernel remembers of the time before.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=3000 PROBE_INTERVAL=5000
setup_one_box
start_guardfs
wait_healthy

is_inside()
{
	(($(backend_field box inflight) > 0))
}

# in_the_middle OPERATION PATH [ARGUMENT]: asked of a server that stands still; its worker is killed, the server goes on.
in_the_middle()
{
	local before

	before=$(process_pid worker)
	box_freeze box
	: >"$WORK/result"
	"$TOOLS/timed" "$@" >"$WORK/result" &
	wait_until 2000 is_inside
	kill -9 "$before"
	wait_until 2000 another_worker_serves "$before"
	box_thaw box
	wait_until 5000 test -s "$WORK/result"
	assert_match "$(cat "$WORK/result")" '^OK'
}

# too_late OPERATION PATH [ARGUMENT]: asked of a server that stands still until the deadline.
too_late()
{
	box_freeze box
	: >"$WORK/result"
	"$TOOLS/timed" "$@" >"$WORK/result" &
	wait_until 5000 test -s "$WORK/result"
	assert_match "$(cat "$WORK/result")" '^EIO'
	box_thaw box
}

say "a rename, its worker killed, replaces a small file by a large one"
printf 'old\n' >"$SERVER/name"
seq 2000 >"$SERVER/other"
assert_eq "$(stat -c %s "$COLD/name" "$COLD/other" | xargs)" "4 8893" "sizes before"
in_the_middle rename "$COLD/other" "$COLD/name"
assert_eq "$(wc -c <"$COLD/name")" 8893 "what is read of it"
assert_eq "$(stat -c %s "$SERVER/name")" 8893 "what the server has"
assert_missing "$COLD/other"

say "a directory is moved, its worker killed, with a file open in it that others append to as well"
mkdir "$SERVER/old"
printf 'one ' >"$SERVER/old/file"
hold appender append "$COLD/old/file"
in_the_middle rename "$COLD/old" "$COLD/new"
printf 'two ' >>"$COLD/new/file"
assert_held OK 0 1000 appender write three
assert_match "$(tr -d '\n' <"$SERVER/new/file")" '^one two .'
let_go appender

say "a file is removed, its worker killed, and then appended to: that makes a new one"
printf 'old\n' >"$SERVER/gone"
assert_eq "$(stat -c %s "$COLD/gone")" 4 "size before"
in_the_middle unlink "$COLD/gone"
assert_missing "$SERVER/gone"
echo new >>"$COLD/gone"
assert_content "$SERVER/gone" new

say "a rename that is too late for its caller"
printf 'old\n' >"$SERVER/name"
seq 2000 >"$SERVER/other"
too_late rename "$COLD/other" "$COLD/name"
wait_healthy
wait_until 5000 not is_inside
if [[ -e $SERVER/other ]]; then
	assert_eq "$(wc -c <"$COLD/name")" 4 "what is read of it"
else
	assert_eq "$(wc -c <"$COLD/name")" 8893 "what is read of it"
fi
