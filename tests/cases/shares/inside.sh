# One user fills a backend with requests that the server is slow to answer, as many as he likes: another user's are let in at once, and
# answered in a small multiple of the time that they take when nothing else is under way. So are root's.
# limit: 90
# long: twelve seconds of slow requests, and calls one after the other over a slow link
. "$REPO/tests/lib/lib.sh"

FLOODER=61001 OTHER=61002
DEADLINE_METADATA=20000
box_start box
mkdir -p "$WORK/box/data/jobs/cold/public"
chmod o+x "$WORK"
relay_start link 3333 2222
conf_begin
PORT=3333 conf_box box 'filter = fault' "fault_control = $WORK/fault"
conf_tier box/jobs/cold cold
COLD=$MNT/cold
start_guardfs
wait_healthy
relay link delay 20

# calls UID: twenty names looked up, one after the other; what that took.
calls()
{
	setpriv --reuid="$1" --regid="$1" --clear-groups "$TOOLS/callers" -t 1 -n 20 -o missing "$COLD/public"
}

for who in $OTHER 0; do
	calls $who >"$WORK/idle.$who"
done
fault 'lookup delay 400 path=slow-*'
setpriv --reuid=$FLOODER --regid=$FLOODER --clear-groups "$TOOLS/callers" -t 500 -s 12 -u 500000 -o stat "$COLD/slow-%d" >"$WORK/flood" &
flood=$!
wait_value 10000 backend_field box parked -ge 200
for who in $OTHER 0; do
	calls $who >"$WORK/flooded.$who"
	echo "user $who, idle:    $(cat "$WORK/idle.$who")"
	echo "user $who, flooded: $(cat "$WORK/flooded.$who"), $(backend_field box inflight) inside, $(backend_field box parked) waiting"
done
kill -0 $flood || fail "the flood was over before"
wait $flood
echo "the flood: $(cat "$WORK/flood")"
for who in $OTHER 0; do
	assert_eq "$(jq -c .results "$WORK/flooded.$who")" '{"ENOENT":20}' "what user $who got"
	for figure in p50 max; do
		assert_le "$(jq .us.$figure "$WORK/flooded.$who")" $((10 * $(jq .us.$figure "$WORK/idle.$who"))) "$figure of user $who, us"
	done
done
