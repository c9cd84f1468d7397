# The mount comes up even when every backend is down; the local tier serves; when they come, they serve too.
. "$REPO/tests/lib/lib.sh"

box_start box
mkdir -p "$WORK/box/data/jobs/cold"
box_kill
conf_begin
conf_box box
conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store"
conf_tier box/jobs/cold cold store other/place
start=$(now_ms)
start_guardfs
assert_le $(($(now_ms) - start)) 3000 "time to mount, ms"
echo hello >"$MNT/file"
assert_content "$LOCAL/file" hello
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$MNT/cold"
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) readdir "$MNT/other/place"
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) create "$MNT/cold/file"
assert_eq "$(ls -f "$MNT" | grep -v '^\.' | sort | xargs)" 'cold file other'
assert_op EIO 0 50 statvfs "$MNT/cold"
wait_down box
wait_down store
assert_match "$(cat "$MNT/.guardfs/health")" '^down '
assert_match "$(cat "$RUN/health")" '^down '

say "one comes, then the other"
mkdir "$WORK/store"
wait_healthy store
assert_op OK 0 1000 create "$MNT/other/place/file"
wait_value 5000 cat "$MNT/.guardfs/health" == 'degraded*'
box_restart
wait_healthy box
assert_op OK 0 1000 create "$MNT/cold/file"
[[ -e $WORK/box/data/jobs/cold/file ]] || fail "not on the server"
assert_missing "$LOCAL/cold/file"
wait_value 10000 cat "$MNT/.guardfs/health" == 'ok*'

say "a target that is not there is that route's trouble alone"
assert_eq "$(status '.state')" ok
