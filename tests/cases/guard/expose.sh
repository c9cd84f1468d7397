# The whole tree of a backend, guarded: at .guardfs/backends/NAME, and where expose binds it.
. "$REPO/tests/lib/lib.sh"

setup_one_box "expose = $WORK/exposed"
mkdir "$WORK/exposed"
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
assert_content "$MNT/.guardfs/backends/box/jobs/cold/file" hello
wait_until 5000 mountpoint -q "$WORK/exposed"
assert_content "$WORK/exposed/jobs/cold/file" hello
echo new >"$WORK/exposed/jobs/cold/new"
assert_content "$SERVER/new" new
assert_content "$COLD/new" new

say "guarded as well"
box_freeze
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$WORK/exposed/jobs/cold/another"
box_thaw
wait_healthy
assert_content "$WORK/exposed/jobs/cold/file" hello
stop_guardfs
! mountpoint -q "$WORK/exposed" || fail "the bind mount was left behind"
