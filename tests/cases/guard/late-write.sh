# A write that was answered EIO never lands later on top of newer data.
# limit: 120
# long: six outages, each with a deadline, a recovery and a pause, for each type
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=1000 DEADLINE_SYNC=1000
setup_one_box
start_guardfs
wait_healthy

# outage BEGIN END: a write is answered EIO; after the recovery newer data is written at the same place.
outage()
{
	local name=$3

	printf 'original........' >"$SERVER/$name"
	hold writer write "$COLD/$name"
	$1
	assert_held EIO 0 $((DEADLINE_WRITE + SLACK)) writer write 0
	$2
	wait_healthy
	let_go writer
	wait_until 10000 rewrite "$name"
	# What is late may come at any moment: the old transport must be gone for good, not merely slow.
	sleep 1 # sleep-ok: time for what must not happen
	assert_content "$SERVER/$name" 'newer data......'
}

rewrite()
{
	printf 'newer data......' | dd of="$COLD/$1" conv=notrunc,fsync status=none
}

stop_sshfs()
{
	stopped=$(sshfs_pid)
	kill -STOP "$stopped"
}

continue_sshfs()
{
	# It should be dead by then.
	kill -CONT "$stopped" 2>/dev/null || true
}

for round in 1 2 3; do
	say "sshfs stops, round $round"
	outage stop_sshfs continue_sshfs "stopped-$round"
	say "the server freezes, round $round"
	outage box_freeze box_thaw "frozen-$round"
done
