# A request whose worker dies twice is answered EIO and not run a third time; crashes are recorded with type and path.
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=20000
PROBE_INTERVAL=20000 PROBE_TIMEOUT=15000
setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store
echo 'lookup delay 8000 path=poison' >"$WORK/fault"
sleep 0.2 # sleep-ok: the filter looks at the file every 50 ms

"$TOOLS/timed" stat "$COLD/poison" >"$WORK/result" &
caller=$!
for round in 1 2; do
	wait_value 5000 backend_field store inflight -ge 1
	[[ ! -s $WORK/result ]] || fail "answered before it was killed: $(cat "$WORK/result")"
	old=$(process_pid worker)
	kill -9 "$old"
	wait_value 10000 process_pid worker != "$old"
done
wait "$caller"
cat "$WORK/result"
read -r errno us _ <"$WORK/result"
assert_eq "$errno" EIO "a request whose worker died twice"
assert_le "$us" $((7000000 * SLOW)) "answered, us"
assert_eq "$(status .worker_restarts)" 2 "restarts"
status '.crashes[]' | jq -c .
assert_ge "$(status .crashes_total)" 2 "crashes counted"
assert_match "$(status '.crashes[0] | tojson')" 'poison' "the crash names the path"
assert_match "$(status '.crashes[0].cause')" 'signal 9|SIGKILL|[Kk]illed' "the cause"
: >"$WORK/fault"
wait_value 5000 "$TOOLS/timed" stat "$COLD/other" == 'ENOENT*'
