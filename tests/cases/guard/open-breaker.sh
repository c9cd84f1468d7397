# alone
# While a backend is down its callers are told so in less than a millisecond, also while recovery is being tried.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy
stat "$COLD" >/dev/null # not listed: a name that is not there would be known

box_freeze
"$TOOLS/callers" -t 4 -o missing "$COLD"
wait_down
for threads in 1 4; do
	result=$("$TOOLS/callers" -t "$threads" -s 3 -u 500 -o missing "$COLD")
	echo "$result"
	assert_eq "$(jq -c '.results | keys' <<<"$result")" '["EIO"]'
	within 1000 p99 "$result"
	within $(((DEADLINE_METADATA + SLACK) * 1000)) max "$result"
done
assert_ge "$(status '.counters.fast_fails')" 1000 "fast failures counted"
