# After many kills of the worker there are no more descriptors, threads or processes than before.
# limit: 600
# long: fifty kills of the worker, further apart than guardian's pauses before a new start
. "$REPO/tests/lib/lib.sh"

# Further apart than what makes guardian pause before the next start. KILLS=1000 for the long form.
KILLS=${KILLS:-50}
setup_one_box
mkdir "$SERVER/dir"
touch "$SERVER"/dir/{1..50}
start_guardfs
wait_healthy
mkdir "$MNT/busy"
touch "$MNT"/busy/{1..50}

# Activity with descriptors of all kinds, so that a kill meets them half-way.
activity()
{
	"$TOOLS/callers" -t 2 -s 1000 -u 300 -o create "$MNT/busy" >/dev/null &
	echo $! >"$WORK/a.pid"
	"$TOOLS/callers" -t 2 -s 1000 -u 300 -o read "$COLD/dir/%d" >/dev/null &
	echo $! >"$WORK/b.pid"
	"$TOOLS/callers" -t 2 -s 1000 -u 300 -o readdir "$MNT/busy" "$COLD/dir" >/dev/null &
	echo $! >"$WORK/c.pid"
}

end_activity()
{
	local name

	for name in a b c; do
		kill "$(cat "$WORK/$name.pid")"
		wait "$(cat "$WORK/$name.pid")" || true
		rm "$WORK/$name.pid"
	done
	# Forgets reach the worker only when the kernel drops what it has cached.
	echo 2 >/proc/sys/vm/drop_caches
}

descriptors()
{
	ls "/proc/$GUARDIAN/fd" | wc -l
}

# All our processes: guardian, worker, keeper, sshfs, ssh, probes.
processes()
{
	descendants_of "$GUARDIAN" | wc -l
}

# What is live in the shared memory: nodes|handles|slots.
records()
{
	"$TOOLS/arena" "$GUARDIAN" | jq ".$1 | if type == \"object\" then add else . end"
}

# Waits until there are at most so many descriptors and nodes, but not for ever.
settle()
{
	local end=$(($(now_ms) + 10000))

	until (($(descriptors) <= $1 && $(records nodes) <= $2)) || (($(now_ms) > end)); do
		# One pass only takes from entries their second chance.
		echo 2 >/proc/sys/vm/drop_caches
		sleep 0.1 # sleep-ok: polling
	done
}

# What they are, by kind.
show_descriptors()
{
	local fd

	for fd in "/proc/$GUARDIAN/fd"/*; do
		readlink "$fd"
	done | sed "s,$WORK,WORK,; s,[0-9]\+,N,g" | sort | uniq -c | sort -rn | head -n 20
}

activity
for ((i = 0; i < 10; i++)); do
	kill -9 "$(process_pid worker)"
	sleep 0.2 # sleep-ok: the rate of kills
done
end_activity
sleep 3 # sleep-ok: what is left over may be swept lazily
base=$(descriptors)
base_processes=$(processes)
settle 0 16
say "after 10 kills: $base descriptors, $base_processes processes, $("$TOOLS/arena" "$GUARDIAN")"
show_descriptors

activity
for ((i = 0; i < KILLS; i++)); do
	kill -9 "$(process_pid worker)" 2>/dev/null || true
	sleep "0.$((RANDOM % 200 + 200))" # sleep-ok: random moments
done
end_activity
settle $((base + 6)) 16
say "after $KILLS kills more: $(descriptors) descriptors, $(processes) processes, $("$TOOLS/arena" "$GUARDIAN")"
show_descriptors
assert_eq "$(records handles)" 0 "open files"
# A worker that dies between counting a lookup and noting it leaves that one behind.
assert_le "$(records nodes)" $((16 + KILLS / 10)) "nodes"
assert_le "$(descriptors)" $((base + 6)) "descriptors"
assert_le "$(processes)" $((base_processes + 1)) "processes"
# Guardian allocates nothing after its start.
assert_eq "$(ls "/proc/$GUARDIAN/task" | wc -l)" 1 "threads of the guardian"
assert_le "$(ls "/proc/$(process_pid worker)/task" | wc -l)" 64 "threads of the worker"
wait_healthy
