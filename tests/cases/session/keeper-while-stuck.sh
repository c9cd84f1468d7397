# keeper dies while its sshfs hangs and files are open on it: the next one starts, and does what has to be done. (A child of guardian's
# that closed any of these files, even a copy, would hang with them: close(2) asks sshfs.)
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=2000 DEADLINE_SYNC=2000 PROBE_INTERVAL=500 PROBE_TIMEOUT=800
setup_one_box
for i in $(seq 60); do
	echo text >"$SERVER/file-$i"
done
start_guardfs
wait_healthy
for i in $(seq 60); do
	exec {fd}>>"$COLD/file-$i"
	descriptors+=("$fd")
done

is_another()
{
	local pid

	pid=$(process_pid keeper)
	((pid > 0 && pid != $1))
}

# try WHAT COMMAND...: what ends keeper.
try()
{
	local sshfs epoch keeper

	say "$1"
	sshfs=$(sshfs_pid) epoch=$(backend_field box epoch) keeper=$(process_pid keeper)
	kill -STOP "$sshfs"
	"${@:2}"
	wait_until 5000 is_another "$keeper"
	wait_until 8000 is_gone "$sshfs"
	wait_healthy
	assert_ge "$(backend_field box epoch)" $((epoch + 1)) epoch
	for fd in "${descriptors[@]}"; do
		echo more >&"$fd"
	done
}

reexecute_twice()
{
	# The second while the first is still starting keeper.
	kill -USR2 "$GUARDIAN"
	wait_value 5000 grep -c "re-executed: serving" "$WORK/guardfs.log" -gt "$reexecuted"
	kill -USR2 "$GUARDIAN"
	reexecuted=$((reexecuted + 2))
	wait_value 5000 grep -c "re-executed: serving" "$WORK/guardfs.log" -ge "$reexecuted"
}

try "killed" kill -9 "$(process_pid keeper)"
reexecuted=0
for round in 1 2 3; do
	try "guardian re-executed twice, round $round" reexecute_twice
done
for fd in "${descriptors[@]}"; do
	exec {fd}>&-
done
assert_content "$SERVER/file-60" "$(printf 'text\nmore\nmore\nmore\nmore')"
