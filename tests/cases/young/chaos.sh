# Sessions cut over and over again under callers who know what their files must hold: nothing is lost, and no caller sees an
# error but for an open file that cannot be found again as it was. CHAOS_SECONDS: for how long.
# types: sshfs sftp
# limit: 120
# long: twelve seconds of cuts, and the check of all files
. "$REPO/tests/lib/lib.sh"

# On a busy machine the login alone takes seconds.
PATIENCE=30000
DEADLINE_METADATA=25000 DEADLINE_READ=25000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000
setup_one_box
sed -i '/^\[recovery\]/a recoveries_per_hour = 0' "$CONF"
start_guardfs
wait_healthy
python3 "$REPO/tests/lib/chaos.py" "$COLD" "${CHAOS_SECONDS:-12}" 4 "$SERVER" >"$WORK/callers" 2>&1 &
callers=$!
while ! is_gone "$callers"; do
	box_cut box
	# Settled: else the next cut would be the same outage, which is young only once.
	wait_until 15000 backend_is box healthy degraded
done
rc=0
wait "$callers" || rc=$?
cat "$WORK/callers"
assert_eq "$rc" 0 "what the callers found"
echo "epoch $(backend_field box epoch), files that could not be found again: $(backend_field box counters.poisoned)"
errors=$(grep -o "'EIO': [0-9]*" "$WORK/callers" | grep -o '[0-9]*$' || echo 0)
assert_le "$errors" $((3 * $(backend_field box counters.poisoned))) "errors: writing, syncing and closing what was given up"
assert_eq "$(backend_field box counters.fast_fails)" 0 "fast failures"
assert_eq "$(backend_field box counters.timeouts)" 0 "timeouts"
