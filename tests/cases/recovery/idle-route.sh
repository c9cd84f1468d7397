# Traffic is evidence for the route that has it, not for those beside it: one that nobody uses and that is gone is found out while
# another one is busy.
# limit: 120
# long: a route nobody uses is found out by its probes only, in each round
. "$REPO/tests/lib/lib.sh"

PROBE_INTERVAL=2000 PROBE_TIMEOUT=1500
box_start box
mkdir -p "$WORK/box/data/jobs/busy" "$WORK/box/data/jobs/idle"
conf_begin
conf_box box
conf_tier box/jobs/busy busy box/jobs/idle idle
start_guardfs
wait_until 15000 backend_is box healthy

# Names that nobody can have cached, all the time.
(i=0; while [[ ! -e $WORK/enough ]]; do stat "$MNT/busy/name$((i++))" >/dev/null 2>&1 || true; sleep 0.05; done) & # sleep-ok: a calm caller
traffic=$!
idle_is()
{
	[[ $(route_field idle state) == "$1" ]]
}
busy()
{
	(($(backend_field box counters.ops) >= $1))
}
for round in 1 2 3; do
	ops=$(backend_field box counters.ops)
	wait_until 20000 busy $((ops + 20 * round))
	say "round $round"
	start=$(now_ms)
	mv "$WORK/box/data/jobs/idle" "$WORK/box/data/jobs/away"
	wait_until 20000 idle_is down
	took=$(($(now_ms) - start))
	echo "found out after $took ms"
	assert_eq "$(route_field idle class)" path_missing "class"
	assert_eq "$(route_field busy state)" healthy "the busy route"
	# Two intervals with their jitter, the timeout, and what a busy machine adds.
	assert_le "$took" $((2 * PROBE_INTERVAL * 105 / 100 + PROBE_TIMEOUT + 3000)) "until it was found out, ms"
	mv "$WORK/box/data/jobs/away" "$WORK/box/data/jobs/idle"
	wait_until 20000 idle_is healthy
done
wait_value 10000 incidents '[.incidents[] | select(.scope == "routes" and .closed > 0)] | length' == 3
touch "$WORK/enough"
wait "$traffic" || true
