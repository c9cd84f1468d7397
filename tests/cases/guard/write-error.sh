# A write that storage acknowledged and then lost: every handle that wrote is told, by fsync or close, not only the first.
. "$REPO/tests/lib/lib.sh"

setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store
hold one write "$COLD/file"
hold two write "$COLD/file"
hold other write "$COLD/other"
echo 'write eio-late count=2' >"$WORK/fault"
sleep 0.2 # sleep-ok: the filter looks at its file every 50 ms

assert_held OK 0 1000 one write 0
assert_held OK 0 1000 two write 100
assert_content "$SERVER/file" ''
assert_held OK 0 1000 other write 0
assert_held EIO 0 3000 one fsync
assert_held EIO 0 3000 two fsync
assert_held OK 0 3000 other fsync
let_go one
let_go two
let_go other
backend_is store healthy probation degraded || fail "a write error alone is no outage"
