# Failure mode 5, 2026-01-16: the tiering unit had failed over one directory; for 8 days (replay: 503 for 22 h) hot paths were not what
# they should be, while base and replay root were "up". guardfs: each route is looked at by itself, and heals by itself.
# limit: 120
# long: two arrangements, and routes that are found out by their probes only
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"

box_start box
jobs=$WORK/box/data/jobs
mkdir -p "$jobs"/{one,two,three}
for i in one two three; do
	echo "$i" >"$jobs/$i/file"
done
conf_begin
conf_box box
conf_tier box/jobs/one hot/one box/jobs/two hot/two box/jobs/three hot/three

say "the old set-up after a reboot, one of three directories not there: the others that follow are not bound either"
mv "$jobs/two" "$jobs/two.away"
old_mount
for i in one two three; do
	echo "$OLD_BASE/jobs/$i $OLD_JOBS/hot/$i"
	mkdir -p "$OLD_JOBS/hot/$i"
done >"$WORK/old-manifest"
assert_exit 1 '' old_apply "$WORK/old-manifest"
assert_content "$OLD_JOBS/hot/one/file" one
old_is_bare "$OLD_JOBS/hot/two" || fail "two was bound"
old_is_bare "$OLD_JOBS/hot/three" || fail "three was bound"

say "and every check says that all is well"
old_base_is_fine || fail "the base should be fine"
ls "$OLD_JOBS" "$OLD_JOBS/hot" >/dev/null
assert_eq "$(old_probe "$OLD_JOBS"/hot/{one,two,three} | sort -u)" '1 -1' "the watchdog's probe"
assert_missing "$OLD_JOBS/hot/three/file"

say "the directory is back: nothing changes, the unit has run and will not run again"
mv "$jobs/two.away" "$jobs/two"
wait_until 30000 test -e "$OLD_BASE/jobs/two/file"
old_is_bare "$OLD_JOBS/hot/two" || fail "two was bound"
old_is_bare "$OLD_JOBS/hot/three" || fail "three was bound"

say "a directory that goes away while it is bound is an errno that the watchdog does not count"
umount "$OLD_JOBS/hot/one"
old_apply "$WORK/old-manifest"
assert_eq "$(old_probe "$OLD_JOBS"/hot/{one,two,three} | sort -u)" '1 -1' "the watchdog's probe"
mv "$jobs/two" "$jobs/two.away"
wait_value 30000 old_probe "$OLD_JOBS/hot/two" != "1 -1"
old_probe "$OLD_JOBS/hot/two"
assert_fails old_finds_stale "$OLD_JOBS/hot/two"
old_base_is_fine || fail "the base should be fine"
mv "$jobs/two.away" "$jobs/two"
old_end

say "guardfs: a process inside the route that will be lost"
start_guardfs
wait_healthy
hold reader read "$MNT/hot/one/file"
assert_content "$MNT/hot/two/file" two
wait_value 5000 cat "$MNT/.guardfs/health" == 'ok *'
keep()
{
	status '[.processes.guardian, .processes.worker, .processes.keeper, (.backends[0] | .pid, .epoch)] | @csv'
}
before=$(keep)

mv "$jobs/two" "$jobs/two.away"
say "that route is down, within the interval of the probes; the others and their backend are not"
start=$(now_ms)
wait_value $((PROBE_INTERVAL * 11 / 10 + PROBE_TIMEOUT + 1000)) route_field hot/two class == path_missing
echo "found after $(($(now_ms) - start)) ms"
assert_eq "$(route_field hot/two state)" down "state of two"
assert_eq "$(route_field hot/one state) $(route_field hot/three state)" 'healthy healthy' "state of the others"
assert_match "$(cat "$MNT/.guardfs/health")" '^degraded path_missing ' "health"
assert_exit 1 '^degraded path_missing' ctl health
assert_exit 2 '^down path_missing' ctl health "$MNT/hot/two/file"
assert_exit 0 '^ok ' ctl health "$MNT/hot/three"
# What sshfs and the kernel have just seen they remember, for ten seconds each.
wait_value 25000 "$TOOLS/timed" readdir "$MNT/hot/two" == 'EIO*'
assert_op EIO 0 1000 create "$MNT/hot/two/new"
assert_content "$MNT/hot/three/file" three
assert_no_trace "$LOCAL" new

say "an incident of its own"
wait_value 5000 incidents ".incidents[0].scope" == routes
ctl incidents
id=$(ctl incidents --json | jq '.incidents[0].id')
ctl incidents --json | jq -ce '.incidents[0] | {backend, class, routes, closed}'
ctl incidents --json | jq -e --arg route "$MNT/hot/two" \
	'.incidents[0] | .backend == "box" and .class == "path_missing" and .routes == [$route] and .closed == 0' >/dev/null || fail "not the incident that it should be"

say "it is back: the route too, and nothing was restarted"
mv "$jobs/two.away" "$jobs/two"
wait_value $((PROBE_INTERVAL * 11 / 10 + PROBE_TIMEOUT + 1000)) route_field hot/two state == healthy
wait_value 5000 cat "$MNT/hot/two/file" == two
assert_eq "$(keep)" "$before" "processes and epoch"
assert_held OK 0 1000 reader read
let_go reader
wait_value 10000 cut -d" " -f1 "$MNT/.guardfs/health" == ok
wait_value 10000 incidents ".incidents[] | select(.id == $id) | .closed" != 0
ctl incident "$id"
