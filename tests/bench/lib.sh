# lib.sh: what the benchmarks share. A benchmark prints result lines, "= ROW|PEER|MEDIAN|MIN|MAX|AIM|VERDICT"; run
# makes the table of them. All else that it prints is for its log.
. "$REPO/tests/lib/lib.sh"

OPS=$BUILD/tests/bench/ops
QUICK=${BENCH_QUICK:-}

# pick FULL QUICK: one of the two.
pick()
{
	if [[ -n $QUICK ]]; then echo "$2"; else echo "$1"; fi
}

# verdict VALUE AIM: AIM is ">= N", "<= N" or "-".
verdict()
{
	case $2 in
	-) echo - ;;
	*) (($(bc <<<"$1 $2"))) && echo ok || echo MISS ;;
	esac
}

# row NAME PEER MEDIAN MIN MAX AIM
row()
{
	echo "= $1|$2|$3|$4|$5|$6|$(verdict "$3" "$6")"
}

# spread NAME PEER AIM: a row of the numbers on standard input, one a line.
spread()
{
	local numbers

	mapfile -t numbers < <(sort -n)
	((${#numbers[@]})) || fail "$1: nothing was measured"
	row "$1" "$2" "${numbers[${#numbers[@]} / 2]}" "${numbers[0]}" "${numbers[-1]}" "$3"
}

# percentile P: of the numbers on standard input.
percentile()
{
	sort -n | awk -v p="$1" '{ v[NR] = $1 } END { i = int(NR * p / 100) + 1; if (i > NR) i = NR; print v[i] }'
}

# far_box: the server `box`, seen through the relay `far`, and deadlines for a slow link.
far_box()
{
	DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 PROBE_TIMEOUT=4000
	box_start box 2222
	relay_start far 2300 2222
}

# far_backend NAME TYPE [LINE...]: another backend on it.
far_backend()
{
	local name=$1 type=$2

	shift 2
	conf "backend $name" "type = $type" 'host = 127.0.0.1' 'port = 2300' 'user = root' "identity = $WORK/box/user_key" \
		"known_hosts = $WORK/box/known_hosts" "alias = $WORK/cold/$name" "$@"
}

# far_serve NAME: box and the other one are healthy, and a raw sshfs stands beside them.
far_serve()
{
	start_guardfs
	wait_healthy box
	wait_healthy "$1"
	PORT=2300 raw_begin box
}

# compare TITLE AIM_OF OPTION... WORKLOAD NAME=DIR...: runs ops; AIM_OF SUBJECT PEER prints the aim of that row.
compare()
{
	local title=$1 aim_of=$2 results workload subject peer median min max us

	shift 2
	results=$("$OPS" -r "$ROUNDS" "$@")
	while read -r workload subject peer median min max us; do
		echo "$workload $subject/$peer $median, $us us each"
		row "$title $subject" "$peer" "$median" "$min" "$max" "$("$aim_of" "$subject" "$peer")"
	done <<<"$results"
	echo "$title: done"
}
