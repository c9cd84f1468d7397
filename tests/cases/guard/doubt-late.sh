# A change that is made after its caller was told that it had failed: what is seen from then on is what is there, not what the
# kernel remembers of the time before.
. "$REPO/tests/lib/lib.sh"

setup_dir 'filter = fault' "fault_control = $WORK/fault"
printf 'old\n' >"$SERVER/file"
start_guardfs
wait_healthy store

nobody_is_inside()
{
	(($(backend_field store inflight) == 0))
}

fault 'setattr hang path=file' "$TRAFFIC_RULE"
traffic_begin
assert_fails truncate -s 5000 "$COLD/file"
traffic_end
assert_eq "$(stat -c %s "$COLD/file")" 4 "size before"

fault ''
wait_value 5000 stat -c %s "$SERVER/file" == 5000
wait_until 2000 nobody_is_inside
assert_eq "$(wc -c <"$COLD/file")" 5000 "what is read of it"
