# type = command: rclone mounts its own server over loopback, and guardfs keeps the same promises: killed, stopped, its server gone and back, and nothing of it
# left at the end.
# limit: 60
. "$REPO/tests/lib/lib.sh"

command -v rclone >/dev/null || skip "rclone is not installed"

serve_box()
{
	rclone serve sftp "$WORK/box" --config /dev/null --addr 127.0.0.1:2222 --no-auth --vfs-cache-mode off </dev/null >>"$WORK/serve.log" 2>&1 &
	echo $! >"$WORK/serve.pid"
	wait_until 10000 is_open_port 2222
}

end_box()
{
	kill -9 "$(cat "$WORK/serve.pid")"
	wait_until 5000 is_gone "$(cat "$WORK/serve.pid")"
}

is_open_port()
{
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

mkdir -p "$WORK/box/jobs/cold"
PATIENCE=10000 DEADLINE_METADATA=5000 # rclone takes its time to start
conf_begin
conf 'backend box' 'type = command' "alias = $WORK/cold/box" \
	"command = [\"$(command -v rclone)\", \"mount\", \":sftp,host=127.0.0.1,port=2222,user=any,pass=$(rclone obscure any),shell_type=none,idle_timeout=0:/\", \"{mountpoint}\", \"--config\", \"/dev/null\", \"--log-file\", \"$WORK/rclone.log\", \"--allow-other\", \"--vfs-cache-mode\", \"off\", \"--dir-cache-time\", \"1s\", \"--contimeout\", \"2s\", \"--low-level-retries\", \"1\", \"--retries\", \"1\"]"
conf_tier box/jobs/cold cold
COLD=$MNT/cold SERVER=$WORK/box/jobs/cold
serve_box
start_guardfs
wait_healthy

say "what is written and closed is on the server"

echo hello >"$COLD/file"
assert_content "$SERVER/file" hello
mkdir "$COLD/directory"
mv "$COLD/file" "$COLD/directory/file"
assert_content "$SERVER/directory/file" hello

rclone_pid()
{
	backend_field box pid
}

another_epoch()
{
	wait_value 20000 backend_field box epoch -gt "$epoch"
	wait_healthy box 20000
}

say "it is killed, and callers wait for the next one; it is stopped, and they get their answer by the deadline"
for signal in KILL STOP; do
	epoch=$(backend_field box epoch)
	kill -$signal "$(rclone_pid)"
	if [[ $signal == KILL ]]; then
		assert_op OK 0 15000 stat "$COLD/directory/file"
	else
		# EIO at the deadline of its first request, or the next one's answer, if a probe was first to see it: of three requests at most.
		read -r result us late < <("$TOOLS/timed" stat "$COLD/directory/file")
		[[ $result == EIO || $result == OK ]] || fail "a stopped program: $result"
		check_result "$result" 0 $((3 * DEADLINE_METADATA + SLACK)) stat "$result" "$us" "$late"
	fi
	another_epoch
	echo "$signal" >"$COLD/$signal"
	assert_content "$SERVER/$signal" "$signal"
done

say "its server is gone: the outage is told, and over when the server is back"
end_box
wait_value 20000 backend_field box state != healthy
serve_box
wait_healthy box 20000 # rclone reconnects by itself, or guardfs starts another one
assert_content "$COLD/directory/file" hello

say "keeper is killed: the next one goes on with it"
pid=$(rclone_pid)
keeper=$(process_pid keeper)
kill -9 "$keeper"
wait_value 10000 process_pid keeper != "$keeper"
wait_healthy
assert_eq "$(rclone_pid)" "$pid" "the program's pid"
assert_content "$COLD/directory/file" hello
ctl recover box --dry-run | tee "$WORK/plan"
assert_exit 1 'a command logs in by itself' ctl drill auth box --for 2s
ctl drill auth box --for 2s --simulate >"$WORK/simulated"
assert_match "$(cat "$WORK/simulated")" 'for real, this needs type = sshfs or sftp'
grep -q 'start the program' "$WORK/plan" || fail "the plan does not name the program"

say "all of guardfs is killed, and nobody knows of it: what is started next ends it"
pid=$(rclone_pid)
kill_at_once $(guardfs_pids)
[[ -d /proc/$pid ]] || fail "it did not outlive them"
umount -l "$MNT"
start_guardfs
wait_healthy
is_gone "$pid" || fail "it is there still"
assert_content "$COLD/directory/file" hello
pid=$(rclone_pid)

say "the end: nothing is left of it"
stop_guardfs
wait_until 5000 is_gone "$pid"

say "a program that does not mount is said to do so"
sed -i "s|^command = .*|command = [\"/bin/sh\", \"-c\", \"echo there is nothing to mount at {mountpoint} >\&2; exit 3\"]|" "$CONF"
start_guardfs
wait_until 10000 grep -q 'there is nothing to mount at /' "$WORK/guardfs.log"
stop_guardfs
sed -i "s|^command = .*|command = [\"sh\"]|" "$CONF"
! timeout 5 "$GUARDFS" --check-config "$CONF" 2>"$WORK/refused" || fail "a command without a path was taken"
grep -q "absolute path" "$WORK/refused" || fail "$(cat "$WORK/refused")"
end_box
