# SIGUSR2 with changes under way on a slow link: what is being made, linked, renamed and removed is so once, and no caller sees
# an error, at 20 and at 300 ms a round trip.
# limit: 120
# long: changes at 300 ms a round trip
. "$REPO/tests/lib/lib.sh"

PATIENCE=10000
DEADLINE_METADATA=10000 DEADLINE_READ=10000 DEADLINE_WRITE=30000 DEADLINE_SYNC=30000 PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
box_start box
mkdir -p "$WORK/box/data/jobs/cold"
relay_start link 2300 2222
conf_begin
PORT=2300 conf_box box
conf_tier box/jobs/cold cold
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
start_guardfs
wait_healthy

serving_anew()
{
	(($(process_pid worker) != $1))
}

for round_trip in 20 300; do
	relay link delay $((round_trip / 2))
	mkdir "$COLD/at-$round_trip"
	python3 "$REPO/tests/cases/session/reexec-changes.py" "$COLD/at-$round_trip" 8 >"$WORK/callers" 2>&1 &
	callers=$!
	again=0
	while ! is_gone "$callers"; do
		worker=$(process_pid worker)
		kill -USR2 "$GUARDIAN"
		wait_until 10000 serving_anew "$worker"
		again=$((again + 1))
		sleep "0.$((RANDOM % 4 + 2))" # sleep-ok: a random moment
	done
	wait "$callers" || fail "$round_trip ms: $(cat "$WORK/callers")"
	echo "$round_trip ms, re-executed $again times: $(cat "$WORK/callers")"
	assert_ge "$again" 3 "re-executions"
done
assert_eq "$(status .crashes_total)" 0 "crashes"
