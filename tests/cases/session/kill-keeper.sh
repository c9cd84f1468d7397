# The keeper is killed: requests do not notice, sshfs goes on, the next keeper adopts it and can do all that the first could.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
sshfs=$(sshfs_pid)
epoch=$(backend_field box epoch)
"$TOOLS/callers" -t 2 -s 6 -u 1000 -o missing "$COLD" >"$WORK/calls" &
calls=$!

for round in 1 2 3; do
	old=$(process_pid keeper)
	kill -9 "$old"
	wait_value 5000 process_pid keeper != "$old"
	sleep 1.2 # sleep-ok: time for a probe or two of the new one
	assert_eq "$(sshfs_pid)" "$sshfs" "sshfs goes on, round $round"
	[[ -d /proc/$sshfs ]] || fail "sshfs is gone"
	assert_eq "$(backend_field box epoch)" "$epoch" "epoch"
	backend_is box healthy || fail "state: $(backend_field box state)"
done
wait "$calls"
cat "$WORK/calls"
assert_eq "$(jq -c '.results | keys' "$WORK/calls")" '["ENOENT"]'

say "the new one notices an outage and recovers from it"
box_freeze
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/new"
wait_down
box_thaw
wait_healthy
assert_ne "$(sshfs_pid)" "$sshfs" "a new sshfs"
wait_until 5000 is_gone "$sshfs"

say "killed in the midst of recovery"
box_kill
wait_down
kill -9 "$(process_pid keeper)"
box_restart
wait_healthy
assert_content "$COLD/file" hello
