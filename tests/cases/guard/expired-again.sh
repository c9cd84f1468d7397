# A write is inside the frozen server when its worker is killed; before the next worker can run it again, its deadline is over. Its caller is told EIO, and it
# may be there all the same: the file is suspect.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=4000 DEADLINE_SYNC=4000 DEADLINE_METADATA=3000 DEADLINE_READ=3000 PROBE_TIMEOUT=800 PROBE_INTERVAL=500

is_inside()
{
	(($(backend_field box inflight) > 0))
}

is_listed()
{
	grep -q $'\tfailed\t.*cold/file$' "$MNT/.guardfs/suspects"
}

setup_one_box
start_guardfs
wait_healthy
hold file write "$COLD/file"
box_freeze
echo "write 0" >"$WORK/file.in"
wait_until 5000 is_inside
worker=$(process_pid worker)
kill -9 "$worker"
wait_until 10000 another_worker_serves "$worker"
wait_until 20000 has_more_lines "$WORK/file.out" 1
assert_match "$(tail -n 1 "$WORK/file.out")" '^EIO '
wait_until 5000 is_listed
box_thaw
let_go file
