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
