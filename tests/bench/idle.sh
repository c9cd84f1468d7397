# What guardfs costs when nothing happens: one healthy sshfs backend with the default probe interval.
. "$REPO/tests/bench/lib.sh"
PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
seconds=$(pick 30 10)
setup_one_box
start_guardfs
wait_healthy
"$OPS" -r 1 -n 100 stat guardfs="$MNT:$LOCAL" cold="$COLD:$SERVER"
pids=("$(process_pid guardian)" "$(process_pid worker)" "$(process_pid keeper)")
for pid in $(descendants_of "${pids[0]}"); do
	[[ $(cat "/proc/$pid/comm") != gfs-holder ]] || pids+=("$pid")
done

pss()
{
	local pid

	for pid in "${pids[@]}"; do
		cat "/proc/$pid/smaps_rollup"
	done | awk '/^Pss:/ { kb += $2 } END { printf "%.1f\n", kb / 1024 }'
}

# On-CPU time of all threads, in nanoseconds; ticks of 10 ms are too coarse.
cpu_ns()
{
	local pid

	for pid in "${pids[@]}"; do
		cat "/proc/$pid"/task/*/schedstat
	done | awk '{ t += $1 } END { printf "%.0f\n", t }'
}

for pid in "${pids[@]}"; do
	echo "$pid $(tr '\0' ' ' <"/proc/$pid/cmdline"): $(grep -E '^(Pss|Rss|Pss_Shmem)' "/proc/$pid/smaps_rollup" | tr -s '\n ' ' ')"
done
sleep 2 # sleep-ok: what start-up left to do is not idleness
before=$(cpu_ns)
sleep "$seconds" # sleep-ok: the time that is measured
after=$(cpu_ns)
row 'idle: memory of the four, MB' - "$(pss)" '' '' '<= 20'
row 'idle: % of a core' - "$(bc <<<"scale=3; ($after - $before) / ($seconds * 10000000)" | sed 's/^\./0./')" '' '' '<= 0.2'
stop_guardfs
