# Whatever can die or stop does so, over and over again, under callers who know what their files must hold: nothing that was
# acknowledged is lost, nothing that failed comes later, and there is no error but EIO. TROUBLE=NAME: always
# the same; CHAOS_SECONDS: for how long.
# limit: 120
# long: fifteen seconds of trouble, its recoveries, and the check of all files
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=1500 DEADLINE_READ=2000 DEADLINE_WRITE=3000 DEADLINE_SYNC=3000 PROBE_INTERVAL=500 PROBE_TIMEOUT=800
setup_one_box
start_guardfs
wait_healthy
# Through the route, and through the backend's own tree.
PUBLISHED=1 python3 "$REPO/tests/lib/chaos.py" "$COLD:$MNT/.guardfs/backends/box/jobs/cold" "${CHAOS_SECONDS:-15}" 4 "$SERVER" >"$WORK/callers" 2>&1 &
callers=$!

kill_sshfs()
{
	local pid

	pid=$(sshfs_pid) && ((pid > 1)) && kill -9 "$pid"
}

stop_sshfs()
{
	local pid

	pid=$(sshfs_pid) && ((pid > 1)) && kill -STOP "$pid" && wait_until 20000 is_gone "$pid"
}

kill_workers()
{
	local i

	for i in 1 2 3; do
		kill -9 "$(process_pid worker)"
		sleep 0.3 # sleep-ok: the rate of killing
	done
}

kill_keeper()
{
	kill -9 "$(process_pid keeper)"
}

stop_worker()
{
	kill -STOP "$(process_pid worker)"
}

reexecute()
{
	kill -USR2 "$GUARDIAN"
}

freeze_server()
{
	box_freeze box
	sleep 0.7 # sleep-ok: shorter than any deadline
	box_thaw box
}

cut_off()
{
	box_cut box
}

troubles=(kill_sshfs kill_workers stop_sshfs kill_workers kill_keeper stop_worker reexecute freeze_server cut_off)
while ! is_gone "$callers"; do
	trouble=${TROUBLE:-${troubles[RANDOM % ${#troubles[@]}]}}
	say "$trouble"
	"$trouble" || say "$trouble: it was just gone by itself"
	wait_healthy
done
rc=0
wait "$callers" || rc=$?
cat "$WORK/callers"
echo "worker restarts: $(status .worker_restarts), epoch $(backend_field box epoch)"
assert_eq "$rc" 0 "what the callers found"
