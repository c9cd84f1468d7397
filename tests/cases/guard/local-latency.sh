# alone
# 500 callers hung on a guarded backend do not slow the local tier, and are not taken for a worker that is stuck.
. "$REPO/tests/lib/lib.sh"

# Deadlines long enough to look at the time in between.
DEADLINE_METADATA=6000 PROBE_INTERVAL=20000 PROBE_TIMEOUT=10000
setup_one_box
start_guardfs
wait_healthy
stat "$COLD" >/dev/null # not listed: a name that is not there would be known
mkdir "$MNT/local"
# On the server: guardfs knows that what it has made itself is empty.
mkdir "$SERVER"/dir-{0..15}
stat "$COLD"/dir-{0..15} >/dev/null
restarts=$(status .worker_restarts)

box_freeze
"$TOOLS/callers" -t 500 -o missing "$COLD"/dir-{0..15} >"$WORK/hung" &
crowd=$!
wait_value 5000 backend_field box inflight -ge 100
result=$("$TOOLS/callers" -t 4 -s 3 -u 1000 -o missing "$MNT/local")
echo "local: $result"
assert_eq "$(jq -c '.results | keys' <<<"$result")" '["ENOENT"]'
within 10000 p99 "$result"
for file in status status.json health routes; do
	assert_op OK 0 10 read "$MNT/.guardfs/$file"
done
wait "$crowd"
cat "$WORK/hung"
assert_eq "$(jq -c .results "$WORK/hung")" '{"EIO":500}'
# Guardian answers one after the other: 500 threads to be woken, each up to 0.2 ms where a processor that has gone idle wakes slowly.
within $(((DEADLINE_METADATA + SLACK + 100) * 1000)) max "$(cat "$WORK/hung")"
assert_eq "$(status .worker_restarts)" "$restarts" "worker restarts"
