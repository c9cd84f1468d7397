# alone
# limit: 90
# long: outages that must last beyond patience
# An outage that lasts: whoever asks while it is young waits, up to his deadline; when its time is over, those who wait and
# those who come are told so at once, whatever is tried meanwhile. A second outage is young again.
. "$REPO/tests/lib/lib.sh"

PATIENCE=3000 DEADLINE_METADATA=2000
setup_one_box
echo there >"$SERVER/file"
start_guardfs
wait_healthy
stat "$COLD" >/dev/null # not listed: a name that is not there would be known

for outage in 1 2; do
	say "outage $outage: young"
	box_kill box
	wait_down
	began=$(now_ms)
	assert_op EIO $((DEADLINE_METADATA - 100)) $((DEADLINE_METADATA + SLACK)) stat "$COLD/new"
	# Asked in its last second: answered when that is over, before the deadline. What waits is looked at every 100 ms.
	# It began a little before we saw it.
	left=$((PATIENCE - ($(now_ms) - began)))
	assert_op EIO 100 $((left + 200)) stat "$COLD/other"

	say "outage $outage: not young any more, though tries begin and fail"
	failed=$(backend_field box attempts)
	wait_value 20000 backend_field box attempts -gt $((failed + 1))
	result=$("$TOOLS/callers" -t 4 -s 2 -u 500 -o missing "$COLD")
	echo "$result"
	assert_eq "$(jq -c '.results | keys' <<<"$result")" '["EIO"]'
	within 1000 p99 "$result"
	box_restart box
	wait_until 15000 backend_is box healthy
	assert_content "$COLD/file" there
done

say "an operator's reconnect is waited for"
epoch=$(backend_field box epoch)
ctl reconnect box >/dev/null
assert_op ENOENT 0 "$DEADLINE_METADATA" stat "$COLD/new"
assert_ge "$(backend_field box epoch)" $((epoch + 1)) "epoch"

say "and so is what is resumed; what is held is not"
wait_until 15000 backend_is box healthy
ctl hold box --for 30m --reason 'a test' >/dev/null
assert_op EIO 0 100 stat "$COLD/new"
ctl resume box >/dev/null
assert_op ENOENT 0 "$DEADLINE_METADATA" stat "$COLD/new"
