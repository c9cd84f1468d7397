# Guardian and worker are killed at once, and with them the descriptor of the backend's root. Its transport lives: the next guardian's
# keeper opens the root again, or gives the ring another socket, and that is no outage; nor does the old keeper take it for the end while
# there is no other guardian yet. What is stuck in a frozen one is one, with the figures of those whom it hurt.
# types: sshfs sftp
# limit: 120
# long: four deaths of guardian and worker, then a frozen server, each until the backend is healthy
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

is_zombie()
{
	[[ $(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null) == [ZX]* ]]
}
holder_of()
{
	local pid

	for pid in $(cat "/proc/$1/task/$1/children"); do
		[[ $(<"/proc/$pid/comm") == gfs-holder ]] && echo "$pid" && return
	done
	fail "no holder below $1"
}

waits_of()
{
	sed -n 's/^voluntary_ctxt_switches:\s*//p' "/proc/$1/status"
}

# keeper PID WAITS has looked around several times, or has ended.
has_looked()
{
	local waits

	waits=$(waits_of "$1") || return 0
	((waits >= $2 + 5))
}

# The old keeper looks at a dead worker, at no guardian, and at a lock that is held: by the holder, which would leave a moment later.
kill_before_holder()
{
	local guardian=$(process_pid guardian) worker=$(process_pid worker) keeper=$(process_pid keeper) holder

	holder=$(holder_of "$guardian")
	ready=$(grep -c '^ready' "$WORK/store.out")
	kill -STOP "$store" "$holder" "$guardian"
	kill -9 "$worker"
	wait_until 5000 is_zombie "$worker"
	kill -9 "$guardian"
	wait_until 5000 grep -q "keeper: guardian $guardian is gone" "$WORK/guardfs.log"
	wait_until 5000 has_looked "$keeper" "$(waits_of "$keeper")"
	kill -CONT "$store" "$holder"
}

for others in '' keeper '' holder; do
	say "guardian, worker ${others:-alone}"
	if [[ $others == holder ]]; then
		kill_before_holder
	else
		kill_at_once $others
	fi
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
assert_content "$SERVER/log" more,more,more,more,

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
assert_ne "$(ctl incidents --json | jq -r '.incidents[0].detected_by')" operator "who detected it"
assert_ne "$(sshfs_pid)" "$sshfs" "sshfs"
assert_op OK 0 1000 stat "$COLD/file"
let_go reader
let_go log
kill -TERM "$store"
wait_until 10000 is_gone "$store"
! mounted || fail "still mounted"
