# alone
# 500 callers hung on a guarded backend do not slow the local tier, and are not taken for a worker that is stuck.
. "$REPO/tests/lib/lib.sh"

# Deadlines long enough to look at the time in between.
DEADLINE_METADATA=6000 PROBE_INTERVAL=20000 PROBE_TIMEOUT=10000
setup_one_box
start_guardfs
wait_healthy
ls "$COLD" >/dev/null
mkdir "$MNT/local"
for i in {0..15}; do
	mkdir "$COLD/dir-$i"
done
restarts=$(status .worker_restarts)

box_freeze
"$TOOLS/callers" -t 500 -o missing "$COLD"/dir-{0..15} >"$WORK/hung" &
crowd=$!
wait_until 5000 eval '(($(backend_field box inflight) >= 100))'
result=$("$TOOLS/callers" -t 4 -s 3 -u 1000 -o missing "$MNT/local")
echo "local: $result"
assert_eq "$(jq -c '.results | keys' <<<"$result")" '["ENOENT"]'
assert_le "$(jq .us.p99 <<<"$result")" 10000 "p99 of the local tier, us"
start=$(now_ms)
cat "$MNT/.guardfs/status" "$MNT/.guardfs/health" >/dev/null
assert_le $(($(now_ms) - start)) 30 "reading the status meanwhile, ms"
wait "$crowd"
cat "$WORK/hung"
assert_eq "$(jq -c .results "$WORK/hung")" '{"EIO":500}'
assert_le "$(jq .us.max "$WORK/hung")" $(((DEADLINE_METADATA + SLACK) * 1000)) "slowest of 500 callers, us"
assert_eq "$(status .worker_restarts)" "$restarts" "worker restarts"
