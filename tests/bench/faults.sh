# How long a caller waits when something freezes, is down, comes back or is replaced. Times, not ratios: what they
# are held against are the promises, not a peer.
. "$REPO/tests/bench/lib.sh"
GAP=$BUILD/tests/bench/gap
times=$(pick 7 2)
BACKOFF_MIN=1000 BACKOFF_MAX=60000 # as by default
setup_one_box
mkdir "$SERVER/seen"
start_guardfs
wait_healthy

# Milliseconds beyond the deadline, from the freeze to the first EIO.
freeze_sshfs()
{
	"$GAP" -s "STOP:$(sshfs_pid)" EIO "$COLD/none-$1"
}

freeze_sshd()
{
	box_freeze
	"$GAP" EIO "$COLD/none-$1"
}

# Who has served for less than 10 s (SHORT_MS of keeper's) is tried again with growing pauses: an outage a second after the last
# one would measure those, not the return.
served_long()
{
	(($(date +%s) >= $(backend_field box recovered) + 11))
}
settled()
{
	wait_healthy
	wait_until 20000 served_long
}

beyond()
{
	awk -v d="$DEADLINE_METADATA" '{ printf "%.1f\n", $1 - d }'
}

for ((i = 0; i < times; i++)); do
	freeze_sshfs "$i" >>"$WORK/freeze-sshfs"
	settled
done
for ((i = 0; i < times; i++)); do
	freeze_sshd "$i" >>"$WORK/freeze-sshd"
	wait_down
	"$GAP" -n 2000 EIO "$COLD/never" >>"$WORK/open"
	box_thaw
	"$GAP" ENOENT "$COLD/back-$i" >>"$WORK/back"
	settled
done
beyond <"$WORK/freeze-sshfs" | spread 'sshfs stopped: EIO, ms past deadline' - '<= 50'
beyond <"$WORK/freeze-sshd" | spread 'sshd stopped: EIO, ms past deadline' - '<= 50'
row 'open breaker: EIO, p50, us' - "$(percentile 50 <"$WORK/open")" '' '' -
row 'open breaker: EIO, p99, us' - "$(percentile 99 <"$WORK/open")" '' '' '<= 1000'
spread 'server back: first success, ms' - '<= 2000' <"$WORK/back"

# Service after a worker's death. Pauses between kills, or the backoff against crash loops would be measured.
for ((i = 0; i < $(pick 50 12); i++)); do
	touch "$LOCAL/new-$i"
	"$GAP" -s "KILL:$(process_pid worker)" OK "$MNT/new-$i" >>"$WORK/kill"
	sleep 0.3 # sleep-ok: see above
done
spread 'worker killed: next success, ms' - '<= 100' <"$WORK/kill"
stop_guardfs
