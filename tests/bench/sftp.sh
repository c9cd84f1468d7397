# A backend of type sftp against raw sshfs with its own defaults, both through one relay: round trips of none, 5 and 20 ms.
. "$REPO/tests/bench/lib.sh"
ROUNDS=$(pick 5 3)
DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 PROBE_TIMEOUT=4000
MIB=$(pick 64 16)
box_start box 2222
relay_start far 2300 2222
mkdir -p "$WORK/box/data/jobs/cold" "$WORK/box/data/raw"
conf_begin
TYPE=sftp PORT=2300 conf_box box
conf_tier box/jobs/cold cold
start_guardfs
wait_healthy box
PORT=2300 raw_begin box

against()
{
	local title=$1 rtt=$2

	shift 2
	aim()
	{
		echo '>= 1'
	}
	compare "$rtt ms: $title" aim "$@" sftp="$MNT/cold:$WORK/box/data/jobs/cold" raw="$RAW/raw:$WORK/box/data/raw"
}

for rtt in 0 5 20; do
	relay far delay $((rtt / 2))
	files=$((rtt ? 200 : 2000))
	against 'read 1 MiB, cold' $rtt -n "$MIB" read-1m-cold
	against 'write 1 MiB' $rtt -n $((MIB / 2)) write-1m-close
	against 'write 128 KiB' $rtt -n $((MIB * 2)) write-128k-close
	against 'stat' $rtt -n $files stat
	against 'stat, 16 callers' $rtt -t 16 -n $files stat
	against 'list, then stat' $rtt -n $((files * 5)) readdir-stat
	against 'create, write 4 KiB, close' $rtt -n $((files / 4)) create-4k
	against 'create, write 4 KiB, close, 16 callers' $rtt -t 16 -n $((files / 4)) create-4k
done
raw_end
stop_guardfs
