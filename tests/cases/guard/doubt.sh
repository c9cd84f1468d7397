# A change whose caller was told that it had failed, and that was made all the same: what is seen from then on is what is there,
# not what the kernel remembers of the time before.
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=3000
setup_one_box
start_guardfs
wait_healthy

is_inside()
{
	(($(backend_field box inflight) > 0))
}

nobody_is_inside()
{
	! is_inside
}

# in_the_middle OPERATION PATH [ARGUMENT]: asked of a server that stands still; its worker is killed, the server goes on.
in_the_middle()
{
	box_freeze box
	"$TOOLS/timed" "$@" >"$WORK/result" &
	wait_until 2000 is_inside
	kill -9 "$(process_pid worker)"
	wait_until 2000 test -s "$WORK/result"
	assert_match "$(cat "$WORK/result")" '^EIO'
	box_thaw box
}

say "a rename, its worker killed, replaces a small file by a large one"
printf 'old\n' >"$SERVER/name"
seq 2000 >"$SERVER/other"
assert_eq "$(stat -c %s "$COLD/name" "$COLD/other" | xargs)" "4 8893" "sizes before"
in_the_middle rename "$COLD/other" "$COLD/name"
wait_until 5000 eval '[[ $(stat -c %s "$SERVER/name") == 8893 ]]'
wait_until 2000 nobody_is_inside
assert_eq "$(wc -c <"$COLD/name")" 8893 "what is read of it"
assert_missing "$COLD/other"
wait_healthy

say "a file is removed, its worker killed, and then appended to: that makes a new one"
printf 'old\n' >"$SERVER/gone"
assert_eq "$(stat -c %s "$COLD/gone")" 4 "size before"
in_the_middle unlink "$COLD/gone"
wait_until 5000 eval '[[ ! -e $SERVER/gone ]]'
wait_until 2000 nobody_is_inside
echo new >>"$COLD/gone"
assert_content "$SERVER/gone" new
wait_healthy
