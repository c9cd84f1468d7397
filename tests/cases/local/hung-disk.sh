# The disk of the local tier hangs within a write, and the worker is killed, which does not end that: an append that is run again is
# not made twice, is an error after 10 s, and keeps no other caller waiting. The disk is a file on a server that stands still.
# limit: 120
# long: a disk that hangs until an append is given up after 10 s
. "$REPO/tests/lib/lib.sh"

box_start
raw_begin
mkdir -p "$LOCAL"
truncate -s 16M "$RAW/disk"
mkfs.ext4 -q -b 4096 "$RAW/disk" && mount -o loop "$RAW/disk" "$LOCAL" || skip "no disk can be made here"
take_disk_away()
{
	local rc=$?

	set +e # what is returned is for at_exit
	box_thaw
	((rc == 0)) || umount -l "$LOCAL"
	return "$rc"
}
trap 'take_disk_away; at_exit' EXIT
conf_begin 'passthrough = no'
start_guardfs

is_at_the_disk()
{
	grep -qs '^State:	D' /proc/"$(process_pid worker)"/task/*/status
}

# leave_memory FILE: what of it is to be written over has to be read from the disk first.
leave_memory()
{
	sync -f "$LOCAL"
	dd if="$1" iflag=nocache count=0 status=none
	dd if="$RAW/disk" iflag=nocache count=0 status=none
}

# begin_append NAME LINE: the disk hangs within it, and the worker dies. The next one has begun what it runs again.
begin_append()
{
	local before i

	hold "$1" append "$MNT/$1"
	assert_held OK 0 5000 "$1" append "before,"
	leave_memory "$LOCAL/$1"
	box_freeze
	echo "append $2" >"$WORK/$1.in"
	wait_until 10000 is_at_the_disk
	before=$(process_pid worker)
	kill -9 "$before"
	wait_until 10000 another_worker_serves "$before"
	for ((i = 0; i < 20; i++)); do
		assert_op OK 0 500 statvfs "$MNT"
	done
}

# end_append NAME: prints its result.
end_append()
{
	wait_until 30000 has_more_lines "$WORK/$1.out" 2
	tail -n 1 "$WORK/$1.out"
}

line=$(printf '%05608d' 7)

say "it is back soon"
begin_append log "$line"
box_thaw
assert_match "$(end_append log)" '^OK'
let_go log
assert_content "$LOCAL/log" "before,$line"

say "it is not: the caller is told, and what was begun is there once at most"
begin_append lasting "$line"
assert_match "$(end_append lasting)" '^EIO'
let_go lasting
box_thaw
hold lasting append "$MNT/lasting"
assert_held OK 0 20000 lasting append ",after"
let_go lasting
assert_match "$(cat "$LOCAL/lasting")" '^before,0*7?,after0*7?$'
assert_le "$(stat -c %s "$LOCAL/lasting")" $((7 + 5608 + 6)) "size"
stop_guardfs
wait_until 10000 umount "$LOCAL"
raw_end
