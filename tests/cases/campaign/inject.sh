# One call fails, one allocation, one read or write does half, or one wait is interrupted: the Nth of guardfs and all its processes, for N all over a start, and
# over a reconnect with what is owed to be written again. Either it works, or it ends with a message; it never hangs, and what a sync acknowledged is
# there. STEPS: how many N for each kind and phase; all: every one.
# limit: 600
# long: many starts and reconnects of guardfs, one for each call that fails
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/inject.sh"

STEPS=${STEPS:-3} KINDS=${KINDS:-alloc call short eintr} COUNT=${COUNT:-1}
DEADLINE_METADATA=4000 DEADLINE_READ=4000 DEADLINE_WRITE=15000 DEADLINE_SYNC=15000
PATIENCE=10000

begin()
{
	rm -rf "$RUN"
	: >"$WORK/guardfs.log"
	"${INJECTING[@]}" "$GUARDFS" -f -c "$CONF" </dev/null >>"$WORK/guardfs.log" 2>&1 &
	GUARDIAN=$!
}

is_settled()
{
	[[ $(timeout 3 cat "$MNT/.guardfs/status.json" | jq -r '"\(.serving) \(.backends[0].state)"') =~ ^true\ (healthy|probation|degraded)$ ]]
}

is_settled_or_dead()
{
	is_gone "$GUARDIAN" || is_settled
}

# put NAME: writes and syncs a file, again if it was told of an error. What is acknowledged must be there.
put()
{
	timeout 60 python3 - "$COLD/$1" "$SERVER/$1" <<'END' || fail "$what: $1 cannot be written"
import os, sys, time
here, there = sys.argv[1:]
data = b"".join(b"%07d\n" % i for i in range(20000))
end = time.monotonic() + 30  # a connection that fails anew makes the outage no young one again, and is made after a pause
while True:
    try:
        fd = os.open(here, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            done = 0
            while done < len(data):
                done += os.write(fd, data[done:done + 30000])
            os.fsync(fd)
        finally:
            os.close(fd)
        break
    except OSError as e:
        print("told:", e)
        if time.monotonic() > end:
            sys.exit("told of errors for 30 s, of one that was made")
        time.sleep(0.2)  # sleep-ok: the pause of a program that tries again
got = open(there, "rb").read()
if got != data:
    sys.exit("storage has %d bytes instead of %d" % (len(got), len(data)))
END
}

# One N over a start.
try_start()
{
	local rc=0

	what="start, $1, call $2"
	inject "$1" "$2" "$COUNT"
	begin
	poll_until 40000 is_settled_or_dead || fail "$what ($(injected)): neither serves nor has ended"
	if is_gone "$GUARDIAN"; then
		wait "$GUARDIAN" || rc=$?
		GUARDIAN=0
		((rc != 0)) || fail "$what ($(injected)): ended with 0"
		[[ -s $WORK/guardfs.log ]] || fail "$what ($(injected)): ended without a word"
		! mounted || fail "$what ($(injected)): left mounted"
		echo "$what ($(injected)): $(tail -n 1 "$WORK/guardfs.log" | cut -c1-120)"
		return
	fi
	put "start"
	stop_guardfs
}

# One N over a reconnect.
try_reconnect()
{
	what="reconnect, $1, call $2"
	put before
	inject "$1" "$2" "$COUNT"
	box_cut
	put after
	poll_until 40000 is_settled || fail "$what ($(injected)): does not serve"
	inject none 0
	put later
}

# steps TOTAL: the numbers to be tried.
steps()
{
	local total=$1 i

	if [[ $STEPS == all ]]; then
		seq 1 "$total"
	else
		for ((i = 0; i < STEPS; i++)); do
			echo $((total * i / STEPS + 1 + i * 7 % (total / STEPS + 1)))
		done
	fi
}

setup_one_box 'durability = behind'
sed -i '/^\[recovery\]/a recoveries_per_hour = 0\nrecoveries_per_day = 0\nflap_count = 0' "$CONF"
what="no call"
for kind in $KINDS; do
	inject "$kind" 0
	begin
	wait_until 20000 is_settled
	put first
	read -r total _ < <(injected)
	stop_guardfs
	say "$kind: $total calls at a start"
	for n in $(steps "$total"); do
		try_start "$kind" "$n"
	done
	inject none 0
	begin
	wait_until 20000 is_settled
	inject "$kind" 0
	box_cut
	put first
	wait_until 20000 is_settled
	read -r total _ < <(injected)
	say "$kind: $total calls at a reconnect"
	for n in $(steps "$total"); do
		try_reconnect "$kind" "$n"
	done
	stop_guardfs
done
