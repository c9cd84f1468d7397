# A backend of type sftp against raw sshfs with its own defaults, both through one relay: round trips of none, 5 and 20 ms.
. "$REPO/tests/bench/lib.sh"
ROUNDS=$(pick 5 3)
MIB=$(pick 64 16)
far_box
relay far room 8192
mkdir -p "$WORK/box/data/jobs/cold" "$WORK/box/data/jobs/through" "$WORK/box/data/raw"
conf_begin ${BENCH_READAHEAD:+"readahead = $BENCH_READAHEAD"}
TYPE=sftp PORT=2300 conf_box box 'durability = behind'
far_backend slow sftp
conf_tier box/jobs/cold cold slow/jobs/through through
far_serve slow

# writing: with both durabilities; else with `behind`, of which reading knows nothing.
against()
{
	local title=$1 rtt=$2 places=("behind=$MNT/cold:$WORK/box/data/jobs/cold")

	shift 2
	aim()
	{
		[[ $1 == behind ]] && echo '>= 1' || echo -
	}
	[[ $title != *write* ]] || places+=("through=$MNT/through:$WORK/box/data/jobs/through")
	compare "$rtt ms: $title" aim -s ${#places[@]} "$@" "${places[@]}" raw="$RAW/raw:$WORK/box/data/raw"
}

# BENCH_RTT: of those alone; BENCH_ONLY: rows whose titles match.
some()
{
	[[ $1 == *${BENCH_ONLY:-}* ]] || return 0
	against "$@"
}

for rtt in ${BENCH_RTT:-0 5 20}; do
	relay far delay $((rtt / 2))
	files=$((rtt ? 200 : 2000))
	some 'read 1 MiB, cold' $rtt -n "$MIB" read-1m-cold
	some 'write 8 KiB' $rtt -n $((MIB * 16)) write-8k-close
	some 'write 128 KiB' $rtt -n $((MIB * 4)) write-128k-close
	some 'write 1 MiB' $rtt -n $((MIB / 2)) write-1m-close
	some 'append and write 8 KiB, fsync each MiB' $rtt -n $((MIB * 8)) append-8k-sync
	some 'stat' $rtt -n $files stat
	some 'stat, 16 callers' $rtt -t 16 -n $files stat
	some 'list, then stat' $rtt -n $((files * 5)) readdir-stat
	some 'create, write 4 KiB, close' $rtt -n $((files / 4)) create-4k
	some 'create, write 4 KiB, close, 16 callers' $rtt -t 16 -n $((files / 4)) create-4k
done
raw_end
stop_guardfs
