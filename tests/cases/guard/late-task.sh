# A task that outlives its caller's deadline works on what it was asked for, or on nothing: not on what has taken the place of that
# in guardfs's memory since the kernel forgot it.
. "$REPO/tests/lib/lib.sh"

setup_dir 'filter = fault' "fault_control = $WORK/fault"
mkdir "$SERVER/dir" "$SERVER/other"
echo old >"$SERVER/dir/file"
echo precious >"$SERVER/other/file"
start_guardfs
wait_healthy store

fault()
{
	printf '%s\n' "$@" >"$WORK/fault.new"
	mv "$WORK/fault.new" "$WORK/fault"
	# The filter looks at the file at most every 50 ms.
	sleep 0.15 # sleep-ok: there is nothing to poll for
}

nobody_is_inside()
{
	(($(backend_field store inflight) == 0))
}

# Something completes all the while: the backend is slow, not down.
keep_alive()
{
	while [[ ! -e $WORK/enough ]]; do
		"$TOOLS/timed" stat "$COLD/alive" >/dev/null
		sleep 0.2 # sleep-ok: the rate of looking
	done
}

fault 'unlink hang path=file' 'lookup delay 20 path=alive'
keep_alive &
alive=$!
assert_op EIO $((DEADLINE_METADATA - 20)) $((DEADLINE_METADATA + SLACK)) unlink "$COLD/dir/file"

say "the directory goes away and is forgotten; another one is met for the first time"
mv "$SERVER/dir" "$WORK/away"
wait_until 5000 eval '[[ ! -e $COLD/dir ]]'
assert_content "$COLD/other/file" precious

say "the task goes on"
touch "$WORK/enough"
wait "$alive"
fault ''
wait_until 5000 nobody_is_inside
assert_content "$SERVER/other/file" precious
wait_healthy store
