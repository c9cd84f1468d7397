# alone
# Keeper costs next to nothing while nothing happens: with 50 routes on an sshfs, under 0.2 % of a core, the children that probe
# included, or, on a machine that makes everything dear when it is idle, under twice a shell that starts a program each second;
# and under 15 MB.
# limit: 120
# long: up to three measurements of 20 s
. "$REPO/tests/lib/lib.sh"

# The defaults, as an operator gets them.
PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
box_start box
conf_begin
conf_box box
pairs=()
for i in {01..50}; do
	mkdir -p "$WORK/box/data/jobs/$i"
	pairs+=("box/jobs/$i" "hot/$i")
done
conf_tier "${pairs[@]}"
start_guardfs
wait_healthy
wait_until 30000 backend_is box healthy
assert_eq "$(status '.routes | map(select(.state == "healthy")) | length')" 50 "healthy routes"

keeper=$(process_pid keeper)
sh -c 'while sleep 1; do :; done' & # sleep-ok: the work that keeper's is compared with
yardstick=$!

# used_us PID: nanoseconds of its threads, as the scheduler counts them, and the ticks of 10 ms of the children that it has waited for.
used_us()
{
	local own children

	own=$(awk '{ sum += $1 } END { printf "%d", sum / 1000 }' "/proc/$1"/task/*/schedstat)
	children=$(sed 's/.*) //' "/proc/$1/stat" | awk -v tick="$(getconf CLK_TCK)" '{ printf "%d", ($14 + $15) * 1000000 / tick }')
	echo $((own + children))
}

# measure SECONDS: what keeper and the yardstick take of a core meanwhile, in millionths (microseconds in a second).
measure()
{
	local keeper_before yardstick_before start took

	keeper_before=$(used_us "$keeper") yardstick_before=$(used_us "$yardstick")
	start=$(now_ms)
	sleep "$1" # sleep-ok: the time that is measured
	took=$(($(now_ms) - start))
	ppm=$((($(used_us "$keeper") - keeper_before) * 1000 / took))
	bound=$((2 * ($(used_us "$yardstick") - yardstick_before) * 1000 / took))
	((bound = bound > 2000 ? bound : 2000))
	echo "keeper: $(bc <<<"scale=4; $ppm / 10000") % of a core, its children included; at most $(bc <<<"scale=4; $bound / 10000") %"
}

# Other work on the machine makes the same work dearer, never cheaper: the best of three counts.
for _ in 1 2 3; do
	measure 20
	((ppm <= bound)) && break
done
kill "$yardstick"
wait "$yardstick" || true
kb()
{
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$keeper/smaps_rollup"
}
private=$(($(kb Private_Clean) + $(kb Private_Dirty)))
pss=$(kb Pss)
echo "keeper: PSS $pss KiB, private $private KiB, resident $(kb Rss) KiB; $(ls "/proc/$keeper/task" | wc -l) threads"
assert_le "$ppm" "$bound" "CPU of keeper, millionths of a core"
assert_le "$pss" 15000 "PSS of keeper, KiB"
assert_le "$private" 15000 "private memory of keeper, KiB"
assert_eq "$(process_pid keeper)" "$keeper" "keeper"
