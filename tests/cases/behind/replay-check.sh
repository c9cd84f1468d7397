# replay_check: a server loses its power, and with it what was not synced, but not the size of the file. By size the file is the one that was written, and its writer goes
# on over zeros; by content its writer is told, and the file is suspect, with the ranges. And where nothing was lost, a file of which something
# was written over is gone on with by content, where by size it is not.
# limit: 240
# long: four starts, by durability and by check, each with outages and recoveries
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/guard/checkpoint.bash"

PATIENCE=0

size_on_server()
{
	stat -c %s "$SERVER/$1"
}
owed()
{
	backend_field box owed_bytes
}
# What was not synced is zeros, as it is on a file system that had noted the size, and had no time for the bytes.
power_cut()
{
	local size

	size=$(size_on_server "$1")
	box_kill
	python3 "$REPO/tests/campaign/power-cut.py" "$SERVER" "$WORK/synced"
	truncate -s "$size" "$SERVER/$1"
}
back_again()
{
	wait_down
	box_restart
	wait_healthy
}

for durability in through behind; do
	for check in size content; do
		say "$durability, $check: 100000 bytes are synced, 50000 are not"
		setup_one_box "durability = $durability" "replay_check = $check"
		mkdir -p "$WORK/synced"
		sed -i "s|^Subsystem.*|Subsystem sftp /usr/bin/env LD_PRELOAD=$BUILD/tests/preload/synced.so SYNCED_DIR=$WORK/synced /usr/lib/openssh/sftp-server -d $WORK/box/data|" "$WORK/box/sshd_config"
		box_kill
		box_restart
		start_guardfs
		wait_healthy
		writer_begin "$COLD/log"
		writer_says ok write 100000
		writer_says ok fsync
		writer_says ok write 50000
		wait_value 5000 size_on_server log -eq 150000
		wait_value 5000 owed -eq 0
		power_cut log
		back_again
		if [[ $check == size ]]; then
			writer_says ok write 10
			writer_says ok close
			assert_eq "$(ctl suspects --json | jq length)" 0 "suspects"
			assert_eq "$(tail -c +100001 "$SERVER/log" | head -c 50000 | tr -d '\0' | wc -c)" 0 "bytes that were not lost"
		else
			# Behind, the first of them is acknowledged.
			[[ $durability == through ]] || writer_says ok write 10
			[[ $durability == behind ]] || writer_says EIO write 10
			writer_says EIO fsync
			writer_says EIO close
			assert_match "$(ctl suspects --json | jq -c 'map([.path, .ranges[0].from])')" '^\[\["cold/log",100000\]\]$'
		fi
		writer_end

		say "$durability, $check: written over, not synced, and all there when the connection is lost"
		writer_begin "$COLD/over"
		writer_says ok write 100000
		writer_says ok fsync
		writer_says ok over 50000
		wait_value 5000 owed -eq 0
		reopened=$(backend_field box counters.reopened)
		box_kill
		back_again
		if [[ $check == size ]]; then
			[[ $durability == through ]] || writer_says ok write 10
			[[ $durability == behind ]] || writer_says EIO write 10
			writer_says EIO close
		else
			writer_says ok write 10
			writer_says ok fsync
			writer_says ok close
			assert_ge "$(backend_field box counters.reopened)" $((reopened + 1)) "open files found again"
			assert_eq "$(ctl suspects --json | jq -c 'map(.path)')" '["cold/log"]'
		fi
		writer_end
		stop_guardfs
		box_kill
		rm -rf "$WORK/synced" "$WORK/box" "$STATE"
	done
done
