# Guardian and worker are killed at once, and with them the descriptor of the backend's root. Its transport lives: the next guardian's
# keeper opens the root again, or gives the ring another socket, and that is no outage. What is stuck in a frozen one is one, with the
# figures of those whom it hurt.
# types: sshfs sftp
# limit: 120
# long: three deaths of guardian and worker, then a frozen server, each until the backend is healthy
. "$REPO/tests/lib/lib.sh"

PATIENCE=10000
setup_one_box
echo hello >"$SERVER/file"
start_stored
wait_until 15000 backend_is box healthy
sshfs=$(sshfs_pid)
hold reader read "$COLD/file"
hold log append "$COLD/log"

# Both within a moment, keeper too if it is named; the guardian's successor is started by the store.
kill_at_once()
{
	local name pids=()

	for name in guardian worker "$@"; do
		pids+=("$(process_pid "$name")")
	done
	ready=$(grep -c '^ready' "$WORK/store.out")
	kill -9 "${pids[@]}"
}
is_ready_again()
{
	(($(grep -c '^ready' "$WORK/store.out") > ready))
}

for others in '' keeper ''; do
	say "guardian, worker ${others:-alone}"
	kill_at_once $others
	read -r result us _ < <("$TOOLS/timed" read "$COLD/file")
	echo "first call: $result after $us us"
	assert_eq "$result" OK "a call on the backend while there was no guardian"
	wait_until 10000 is_ready_again
	wait_until 10000 backend_is box healthy
	assert_eq "$(sshfs_pid)" "$sshfs" "sshfs"
	assert_held OK 0 1000 reader read
	assert_held OK 0 1000 log append more,
	assert_eq "$(backend_field box breaker)" closed "breaker"
	assert_eq "$(backend_field box incident)" 0 "incident"
done
assert_eq "$(ctl incidents --json | jq '.incidents | length')" 0 "incidents"
assert_eq "$(status '.counters | "\(.errors) \(.fast_fails)"')" "0 0" "calls that failed"
assert_content "$SERVER/log" more,more,more,

say "the server is frozen while it happens: that is an outage"
box_freeze
kill_at_once
result=$("$TOOLS/timed" stat "$COLD/new")
echo "$result"
assert_match "$result" ^EIO
wait_until 10000 is_ready_again
wait_value 10000 backend_field box incident -gt 0
box_thaw
wait_until 20000 backend_is box healthy
ctl incidents --json | jq -c '.incidents[]'
assert_eq "$(ctl incidents --json | jq '.incidents | length')" 1 "incidents"
assert_ge "$(ctl incidents --json | jq '.incidents[0].failed')" 1 "operations that failed in it"
assert_ne "$(sshfs_pid)" "$sshfs" "sshfs"
assert_op OK 0 1000 stat "$COLD/file"
let_go reader
let_go log
kill -TERM "$store"
wait_until 10000 is_gone "$store"
! mounted || fail "still mounted"
