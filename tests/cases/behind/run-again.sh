# A write whose worker is killed while its task is inside the frozen server is run again by the next worker and acknowledged: the file is
# whole, and is no suspect when the task of the dead worker has come back, either.
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=20000 DEADLINE_SYNC=20000 DEADLINE_METADATA=10000 DEADLINE_READ=10000 PROBE_INTERVAL=30000 PROBE_TIMEOUT=20000

is_inside()
{
	(($(backend_field box inflight) > 0))
}

no_orphans()
{
	[[ $(arena .slots) == 0 && $(backend_field box late) == 0 && $(backend_field box inflight) == 0 ]]
}

setup_one_box
start_guardfs
wait_healthy
hold file append "$COLD/file"
box_freeze
echo "append written" >"$WORK/file.in"
wait_until 5000 is_inside
worker=$(process_pid worker)
kill -9 "$worker"
wait_until 10000 another_worker_serves "$worker"
box_thaw
wait_until 20000 has_more_lines "$WORK/file.out" 1
assert_match "$(tail -n 1 "$WORK/file.out")" '^OK '
let_go file
wait_until 10000 no_orphans
assert_content "$SERVER/file" written
assert_eq "$(ctl suspects --json)" '[]' "suspects"
