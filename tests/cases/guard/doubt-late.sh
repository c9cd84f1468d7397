# A change that is made after its caller was told that it had failed: what is seen from then on is what is there, not what the
# kernel remembers of the time before.
. "$REPO/tests/lib/lib.sh"

setup_dir 'filter = fault' "fault_control = $WORK/fault"
printf 'old\n' >"$SERVER/file"
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

fault 'setattr hang path=file' 'lookup delay 20 path=alive'
keep_alive &
alive=$!
assert_fails truncate -s 5000 "$COLD/file"
touch "$WORK/enough"
wait "$alive"
assert_eq "$(stat -c %s "$COLD/file")" 4 "size before"

: >"$WORK/fault"
wait_until 5000 eval '[[ $(stat -c %s "$SERVER/file") == 5000 ]]'
wait_until 2000 nobody_is_inside
assert_eq "$(wc -c <"$COLD/file")" 5000 "what is read of it"
