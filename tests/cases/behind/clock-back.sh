# The clock is set back by a day right after a file became suspect: it is looked at all the same, and not only when the clock has come there again.
. "$REPO/tests/lib/lib.sh"

# The clock of guardfs alone: seconds by which it is wrong.
set_clock()
{
	python3 -c 'import struct, sys; open(sys.argv[1], "r+b").write(struct.pack("<q", int(sys.argv[2])))' "$WORK/offset" "$1"
}

verdict()
{
	{ ctl suspects --json || true; } | jq -r '.[0].verdict'
}

setup_dir 'durability = behind' 'filter = fault' "fault_control = $WORK/fault"
head -c 8 /dev/zero >"$WORK/offset"
set_clock 86400
export CLOCK_OFFSET=$WORK/offset LD_PRELOAD=$BUILD/tests/preload/clock.so
start_guardfs
unset LD_PRELOAD
wait_healthy store
fault 'write error ENOSPC path=file'
echo lost >"$COLD/file" 2>/dev/null || true
set_clock 0
fault ''
wait_value 15000 verdict == truncated
