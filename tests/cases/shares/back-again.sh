# One user's requests that have waited for a backend are slow again when it is back: those of another user that have waited behind
# them are run at once all the same, and not after them.
# limit: 90
# long: 300 requests that take a second each, after an outage
. "$REPO/tests/lib/lib.sh"

CROWD=61001 OTHER=61002
PATIENCE=40000 DEADLINE_METADATA=30000
setup_one_box 'filter = fault' "fault_control = $WORK/fault"
mkdir "$SERVER/public"
chmod o+x "$WORK"
start_guardfs
wait_healthy
ls "$COLD/public" >/dev/null
fault 'lookup delay 1000 path=slow-*'
box_kill
wait_down
setpriv --reuid=$CROWD --regid=$CROWD --clear-groups "$TOOLS/callers" -t 300 -o stat "$COLD/slow-%d" >"$WORK/crowd" &
crowd=$!
wait_value 10000 backend_field box parked -ge 300
setpriv --reuid=$OTHER --regid=$OTHER --clear-groups "$TOOLS/callers" -t 20 -o missing "$COLD/public" >"$WORK/waiters" &
waiters=$!
wait_value 10000 backend_field box parked -ge 320
box_restart
wait $waiters
left=$(backend_field box parked)
wait $crowd
echo "when the other's were answered, $left of the crowd's were waiting still"
echo "the other: $(cat "$WORK/waiters")"
echo "the crowd: $(cat "$WORK/crowd")"
assert_eq "$(jq -c .results "$WORK/waiters")" '{"ENOENT":20}' "what the other got"
assert_eq "$(jq -c .results "$WORK/crowd")" '{"ENOENT":300}' "what the crowd got"
assert_ge "$left" 100 "of the crowd's that were waiting still"
