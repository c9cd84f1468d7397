# No worker can be started any more: callers wait for a while, and are then told that there is trouble, by guardian itself; nothing that
# was open is lost, and the next worker that can live serves on.
# types: sshfs sftp
# limit: 120
# long: callers that wait for a worker until guardian gives up
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
mkdir -p "$MNT/local/dir"
echo local >"$MNT/local/file"
hold reader read "$MNT/local/file"
hold cold read "$COLD/file"
hold closed read "$COLD/file"
cd "$MNT/local/dir"
mkdir "$WORK/bound"
mount --bind "$MNT/local/dir" "$WORK/bound"

say "a worker without address space for a thread's stack ends as soon as it has begun"
prlimit --pid "$GUARDIAN" --as=$(($(awk '$1 == "VmSize:" {print $2}' "/proc/$GUARDIAN/status") * 1024 + 1048576)):
kill -9 "$(process_pid worker)"
# From the last worker's death on, the metadata deadline and 1.5 s; then the pause between two tries to start one, 2 s at most.
limit=$((DEADLINE_METADATA + 1500 + 2000 + 500))
pids=()
for call in "stat $MNT/local/new" "read $MNT/local/file" "stat $COLD/new" "mkdir $MNT/local/made" "readdir $MNT/local"; do
	"$TOOLS/timed" $call >"$WORK/result-${#pids[@]}" &
	pids+=($!)
done
for i in "${!pids[@]}"; do
	wait "${pids[i]}"
	read -r result us _ <"$WORK/result-$i"
	check_result EIO 0 "$limit" "call $i" "$result" "$us" 0
done
say "and one that is killed while it waits is gone, which must not keep guardian waiting in its place"
"$TOOLS/timed" stat "$MNT/local/other" >/dev/null &
kill -9 $!
assert_op EIO 0 2500 stat "$MNT/local/another"
grep -q 'answering every request with an error' "$WORK/guardfs.log" || fail "guardian says nothing of it"
assert_missing "$LOCAL/local/made"
let_go closed

say "memory again: the next worker serves, and all is there"
prlimit --pid "$GUARDIAN" --as=unlimited:
wait_until 10000 grep -q "serves again" "$WORK/guardfs.log"
wait_healthy
assert_held OK 0 1000 reader read
assert_held OK 0 1000 cold read
assert_eq "$(pwd -P)" "$MNT/local/dir" "working directory"
touch ./file "$WORK/bound/file2"
assert_content "$MNT/local/file" local
assert_content "$COLD/file" hello
umount "$WORK/bound"
cd /
let_go reader
let_go cold
say "what was closed while there was no worker has been closed since"
wait_value 10000 arena .handles == 0
