# Writing to an sshfs tier over a link with a round trip of 5 and 20 ms, against raw sshfs as its users have it (its own defaults:
# what it acknowledges it sends later, and may lose). Both through one relay.
. "$REPO/tests/bench/lib.sh"
ROUNDS=$(pick 7 3)
MIB=$(pick 32 16)
far_box
mkdir -p "$WORK/box/data/jobs/cold" "$WORK/box/data/jobs/through" "$WORK/box/data/raw"
conf_begin
PORT=2300 conf_box box 'durability = behind'
far_backend slow sshfs
conf_tier box/jobs/cold cold slow/jobs/through through
far_serve slow

against()
{
	local title=$1 rtt=$2

	shift 2
	aim()
	{
		[[ $1 == behind ]] && echo '>= 1' || echo -
	}
	compare "$rtt ms: $title" aim "$@" behind="$MNT/cold:$WORK/box/data/jobs/cold" \
		through="$MNT/through:$WORK/box/data/jobs/through" raw="$RAW/raw:$WORK/box/data/raw"
}

for rtt in 20 5; do
	relay far delay $((rtt / 2))
	against 'write 8 KiB' $rtt -n $((MIB * 16)) write-8k-close
	against 'write 128 KiB' $rtt -n $((MIB * 8)) write-128k-close
	against 'write 1 MiB' $rtt -n "$MIB" write-1m-close
	against 'append 8 KiB, fsync each MiB' $rtt -n $((MIB * 16)) append-8k-sync
	against 'create, write 4 KiB, close' $rtt -n 60 create-4k
	against 'create, write 4 KiB, close, 16 callers' $rtt -t 16 -n 30 create-4k
done
raw_end
stop_guardfs
