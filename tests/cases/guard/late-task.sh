# A task that outlives its caller's deadline works on what it was asked for, or on nothing: not on what has taken the place of that
# in guardfs's memory since the kernel forgot it.
. "$REPO/tests/lib/lib.sh"

setup_dir 'filter = fault' "fault_control = $WORK/fault"
mkdir "$SERVER/dir" "$SERVER/other"
echo old >"$SERVER/dir/file"
echo precious >"$SERVER/other/file"
start_guardfs
wait_healthy store

nobody_is_inside()
{
	(($(backend_field store inflight) == 0))
}

fault 'unlink hang path=file' "$TRAFFIC_RULE"
traffic_begin
assert_op EIO $((DEADLINE_METADATA - 20)) $((DEADLINE_METADATA + SLACK)) unlink "$COLD/dir/file"

say "the directory goes away and is forgotten; another one is met for the first time"
mv "$SERVER/dir" "$WORK/away"
wait_until 5000 not test -e "$COLD/dir"
assert_content "$COLD/other/file" precious

say "the task goes on"
traffic_end
fault ''
wait_until 5000 nobody_is_inside
assert_content "$SERVER/other/file" precious
wait_healthy store
