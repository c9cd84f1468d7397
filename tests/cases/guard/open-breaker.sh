# alone
# While a backend is down its callers are told so in less than a millisecond, also while recovery is being tried.
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy
ls "$COLD" >/dev/null

box_freeze
"$TOOLS/callers" -t 4 -o missing "$COLD"
wait_down
for threads in 1 4; do
	result=$("$TOOLS/callers" -t "$threads" -s 3 -u 500 -o missing "$COLD")
	echo "$result"
	assert_eq "$(jq -c '.results | keys' <<<"$result")" '["EIO"]'
	assert_le "$(jq .us.p99 <<<"$result")" 1000 "p99 with an open breaker, $threads callers, us"
	assert_le "$(jq .us.max <<<"$result")" $(((DEADLINE_METADATA + SLACK) * 1000)) "slowest with an open breaker, us"
done
assert_ge "$(status '.counters.fast_fails')" 1000 "fast failures counted"
