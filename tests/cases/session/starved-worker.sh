# A worker that wants to run and gets no processor is not one that has stopped: it is given time.
. "$REPO/tests/lib/lib.sh"

setup_local
start_guardfs
mkdir "$MNT/dir"
worker=$(process_pid worker)

say "the worker runs only when nobody else wants this processor, and others always do"
taskset -acp 0 "$worker" >/dev/null
chrt -a -i -p 0 "$worker"
# As far above it as can be, and this script with them: by the scheduler's arithmetic others at the usual priority leave the worker a moment every second
# or two, on a machine with more to do sooner.
renice -n -20 -p $$ >/dev/null
for i in 1 2; do
	taskset -c 0 yes >/dev/null &
	busy[i]=$!
done

# The thread of the heartbeat: the first after the leader.
threads=("/proc/$worker/task"/*)
# still: it has not run for twice as long as a stopped worker would be left alone.
ran=''
still()
{
	local now

	now=$(grep ctxt_switches "${threads[1]}/status") || fail "the worker was taken for a stopped one"
	if [[ $now != "$ran" ]]; then
		ran=$now since=$(now_ms)
	fi
	(($(now_ms) >= since + 2000))
}
wait_until 30000 still
echo "not run for $(($(now_ms) - since)) ms, in state $(awk '{print $3}' "${threads[1]}/stat")"
kill "${busy[@]}"
assert_op ENOENT 0 1000 stat "$MNT/dir/none"
assert_eq "$(process_pid worker)" "$worker" "pid of the worker"
assert_eq "$(status .crashes_total)" 0 "crashes"
