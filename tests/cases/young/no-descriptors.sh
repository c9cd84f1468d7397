# No descriptor, or no process, is to be had for a moment, just when the next connection is made: it is tried again as quickly as after any other
# failure, and callers go on waiting. It is no wrong configuration, with which nobody need wait.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/inject.sh"

PATIENCE=30000 DEADLINE_METADATA=20000 DEADLINE_WRITE=30000 DEADLINE_SYNC=30000 BACKOFF_MAX=8000
setup_one_box
inject none 0
"${INJECTING[@]}" "$GUARDFS" -f -c "$CONF" </dev/null >>"$WORK/guardfs.log" 2>&1 &
GUARDIAN=$!
wait_until 10000 guardfs_up_or_dead
wait_healthy

# What a transport says comes by a pipe, and fork makes its process.
for call in pipe2 fork; do
	epoch=$(backend_field box epoch)
	inject call 1 3 "$call"
	box_cut
	assert_op OK 0 20000 create "$COLD/$call"
	read -r _ failed name < <(injected)
	assert_eq "$name" "$call"
	assert_ge "$failed" 1 "calls that failed"
	inject none 0
	wait_value 15000 backend_field box epoch -gt "$epoch"
	wait_healthy
done
grep -q 'no_resources: .*starting [a-z]*: ' "$WORK/guardfs.log" || fail "no try has failed for want of them"
if grep ': config: ' "$WORK/guardfs.log"; then
	fail "taken for a wrong configuration"
fi
