# Writes to open files wait for the server instead of failing; what was acknowledged is on the server.
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=20000 DEADLINE_SYNC=20000
setup_one_box
start_guardfs
wait_healthy
exec 8>>"$COLD/log"
echo first >&8

box_kill
wait_down
"$TOOLS/timed" append fd:8 $'second\n' >"$WORK/result" &
writer=$!
say "it waits"
wait_until 5000 eval '(($(backend_field box parked) >= 1))'
assert_op EIO 0 20 stat "$COLD/new"
[[ ! -s $WORK/result ]] || fail "the write was answered while the server was gone: $(cat "$WORK/result")"
box_restart
wait "$writer"
assert_match "$(cat "$WORK/result")" '^OK ' "the parked write"
echo third >&8
"$TOOLS/timed" fsync fd:8
exec 8>&-
assert_content "$SERVER/log" $'first\nsecond\nthird'
assert_eq "$(backend_field box parked)" 0 "parked at the end"

say "not for ever: at its deadline a parked write fails"
stop_guardfs
sed -i 's/^write = .*/write = 1s/' "$CONF"
start_guardfs
wait_healthy
exec 8>>"$COLD/log"
echo fourth >&8
box_kill
wait_down
assert_op EIO 500 $((1000 + SLACK)) append fd:8 fifth
exec 8>&- || true
