# A route whose target is not on the server is down by itself: EIO there, never the local disk; the others go on.
. "$REPO/tests/lib/lib.sh"

box_start box
mkdir -p "$WORK/box/data/jobs/one"
conf_begin
conf_box box
conf_tier box/jobs/one hot/one box/jobs/two hot/two
start_guardfs
wait_healthy
wait_value 10000 route_field hot/two class == path_missing
assert_op EIO 0 1000 stat "$MNT/hot/two/x"
assert_op EIO 0 1000 create "$MNT/hot/two/x"
assert_op EIO 0 1000 readdir "$MNT/hot/two"
assert_missing "$LOCAL/hot/two"
echo hello >"$MNT/hot/one/file"
assert_content "$WORK/box/data/jobs/one/file" hello
wait_value 5000 route_field hot/one state == healthy
assert_eq "$(route_field hot/two errno)" 5
assert_match "$(cat "$MNT/.guardfs/health")" '^degraded path_missing '

say "an incident of its own, which has a beginning"
routes_incident()
{
	ctl incidents --json | jq '[.incidents[] | select(.scope == "routes")][0].id'
}
# Its own; what happened to the backend about then is told besides.
events()
{
	ctl incident "$(routes_incident)" --json | jq -r '[.events[] | select(.kind == "note") | "\(.kind) \(.name)"] | join(" ")'
}
wait_value 5000 events == "note opened"

say "it appears"
mkdir "$WORK/box/data/jobs/two"
wait_value 15000 route_field hot/two state == healthy
wait_until 5000 write_to "$MNT/hot/two/x"
assert_content "$WORK/box/data/jobs/two/x" x

say "and an end"
wait_value 5000 events == "note opened note closed"
ctl incident "$(routes_incident)"
