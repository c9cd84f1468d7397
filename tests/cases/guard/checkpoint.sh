# checkpoint: files sync by themselves while they are written, and at their close, though their writer never asks for it: a server that loses its power loses
# no more than was agreed on. Storage that refuses is told at the writer's next write, fsync and close; a connection that is lost is not.
# Its limit: one writer; many under all kinds of faults are for the campaign.
# limit: 240
# long: two starts, and syncs that come by age, after outages too
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/guard/checkpoint.bash"

# Is all of a file synced on the server?
is_synced()
{
	cmp -s "$1" "$WORK/synced/$(stat -c %i "$1")-"*
}
checkpoints()
{
	backend_field "$1" counters.checkpoints
}
# Its sftp-server keeps what was synced beside.
sync_visibly()
{
	mkdir -p "$WORK/synced"
	sed -i "s|^Subsystem.*|Subsystem sftp /usr/bin/env LD_PRELOAD=$BUILD/tests/preload/synced.so SYNCED_DIR=$WORK/synced /usr/lib/openssh/sftp-server -d $WORK/box/data|" "$WORK/box/sshd_config"
	box_kill
	box_restart
}

for durability in through behind; do
	say "$durability: an open file syncs by its size, and by its age; a closed one at once"
	setup_one_box "durability = $durability" 'checkpoint = 4M 2s'
	sync_visibly
	start_guardfs
	wait_healthy
	writer_begin "$COLD/log"
	writer_says ok write 100000
	is_synced "$SERVER/log" && fail "synced at once"
	wait_until 10000 is_synced "$SERVER/log"
	before=$(checkpoints box)
	writer_says ok write $((9 << 20))
	wait_value 10000 checkpoints box -gt "$before"
	wait_until 10000 is_synced "$SERVER/log"
	assert_eq "$(stat -c %s "$SERVER/log")" $(((9 << 20) + 100000)) "bytes on the server"
	writer_end
	echo small >"$COLD/small"
	wait_until 10000 is_synced "$SERVER/small" # a closed file is not looked at for its age

	say "$durability: the server loses its power: the file is as it was synced, and nobody lost anything"
	python3 "$REPO/tests/campaign/power-cut.py" "$SERVER" "$WORK/synced" >"$WORK/lost"
	assert_content "$WORK/lost" '0 files have lost something'

	say "$durability: after a reconnect it syncs what was written before"
	writer_begin "$COLD/again"
	writer_says ok write 1000
	box_cut
	wait_until 15000 is_synced "$SERVER/again"
	writer_says ok write 1000
	writer_says ok close
	writer_end
	assert_eq "$(ctl suspects --json | jq length)" 0 "suspects"
	stop_guardfs
	box_kill
	rm -rf "$WORK/synced" "$WORK/box" "$STATE"

	say "$durability: storage refuses: the writer's next steps say so, and the file is suspect"
	setup_dir "durability = $durability" 'checkpoint = 4M 1s' 'filter = fault' "fault_control = $WORK/fault"
	start_guardfs
	wait_healthy store
	fault 'fsync error ENOSPC path=full'
	writer_begin "$COLD/full"
	writer_says ok write 1000
	wait_value 5000 backend_field store counters.poisoned -eq 1
	writer_says ENOSPC write 1000
	writer_says ENOSPC fsync
	writer_says ENOSPC close
	writer_end
	assert_match "$(cat "$MNT/.guardfs/suspects")" $'\tlost\t[a-z]+\t0-999\t1000\t.*cold/full'

	say "$durability: an EIO stands once a probe has found the backend sound"
	fault 'fsync error EIO path=io count=1'
	writer_begin "$COLD/io"
	writer_says ok write 1000
	wait_value 10000 backend_field store counters.poisoned -eq 2
	writer_says EIO close
	writer_end
	assert_match "$(cat "$MNT/.guardfs/suspects")" $'\tlost\t[a-z]+\t0-999\t1000\t.*cold/io'

	say "$durability: a connection that is lost just then says nothing of the file"
	before=$(checkpoints store)
	fault 'fsync error ENOTCONN path=lost count=1'
	writer_begin "$COLD/lost"
	writer_says ok write 1000
	wait_value 10000 checkpoints store -gt "$before"
	writer_says ok write 1000
	writer_says ok fsync
	writer_says ok close
	writer_end

	say "$durability: a file that is closed and cannot be synced is suspect"
	fault 'fsync error EDQUOT path=late'
	echo late >"$COLD/late"
	wait_until 5000 grep -q 'cold/late$' "$MNT/.guardfs/suspects"
	fault ''
	stop_guardfs
	rm -rf "$WORK/store" "$STATE"
done
