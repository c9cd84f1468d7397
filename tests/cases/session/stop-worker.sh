# The worker stops answering (SIGSTOP): every call is answered within its deadline + 1.5 s, and it is replaced.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
mkdir "$MNT/local"
assert_content "$COLD/file" hello

for round in 1 2; do
	old=$(process_pid worker)
	kill -STOP "$old"
	pids=()
	for call in "stat $COLD/new-$round" "readdir $COLD" "stat $MNT/local/new-$round" "mkdir $MNT/local/dir-$round" "read $COLD/file 3"; do
		"$TOOLS/timed" $call >"$WORK/result-$round-${#pids[@]}" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	cat "$WORK"/result-$round-*
	for result in "$WORK"/result-$round-*; do
		read -r errno us _ <"$result"
		[[ $errno == @(OK|ENOENT|EIO) ]] || fail "a call got $errno while the worker was stopped"
		assert_le "$us" $(((DEADLINE_READ + 1500) * 1000 * SLOW)) "answered, us"
	done
	new=$(process_pid worker)
	assert_ne "$new" "$old" "pid of the worker"
	wait_until 5000 is_gone "$old"
done
wait_healthy
assert_content "$COLD/file" hello
assert_match "$(status '.crashes[0].cause')" '.' "the cause is recorded"
