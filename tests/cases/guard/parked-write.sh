# Writes to open files wait for the server instead of failing; what was acknowledged is on the server.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=20000 DEADLINE_SYNC=20000
setup_one_box
start_guardfs
wait_healthy
hold log append "$COLD/log"
assert_held OK 0 1000 log append first,

box_kill
wait_down
held log append second, >"$WORK/result" &
writer=$!
say "it waits"
wait_value 5000 backend_field box parked -ge 1
assert_op EIO 0 20 stat "$COLD/new"
[[ ! -s $WORK/result ]] || fail "the write was answered while the server was gone: $(cat "$WORK/result")"
box_restart
wait "$writer"
assert_match "$(cat "$WORK/result")" '^OK ' "the parked write"
assert_held OK 0 1000 log append third
assert_held OK 0 1000 log fsync
assert_held OK 0 1000 log close
let_go log
assert_content "$SERVER/log" first,second,third
assert_eq "$(backend_field box parked)" 0 "parked at the end"

say "not for ever: at its deadline a parked write fails"
stop_guardfs
sed -i 's/^write = .*/write = 1s/' "$CONF"
start_guardfs
wait_healthy
hold log append "$COLD/log"
assert_held OK 0 1000 log append fourth
box_kill
wait_down
assert_held EIO 500 $((1000 + SLACK)) log append fifth
