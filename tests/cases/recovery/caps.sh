# A backend that is lost and found again and again is flapping, then given up: exhausted, loud, nothing tried any more,
# also by the next keeper and the next guardfs, until an operator says go. Nobody waits for it meanwhile, however patient.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

PATIENCE=10000 DEADLINE_METADATA=4000
setup_one_box
sed -i 's/^\[recovery\]/&\nrecoveries_per_hour = 3\nflap_count = 2\nflap_window = 1h/' "$CONF"
echo hello >"$SERVER/file"
start_guardfs
wait_until 15000 backend_is box healthy

lose()
{
	kill -9 "$(sshfs_pid)"
	wait_down
}

lose
wait_until 15000 backend_is box healthy
lose
wait_until 15000 backend_is box degraded
assert_eq "$(backend_field box class)" flapping
assert_content "$COLD/file" hello
lose
wait_until 20000 backend_is box degraded
kill -9 "$(sshfs_pid)"
wait_until 15000 backend_is box exhausted
grep -q 'guardctl resume' "$MNT/.guardfs/status" || fail "status does not say what to do"
grep -q 'backend box: given up' "$WORK/guardfs.log" || fail "not loud"
epoch=$(backend_field box epoch)
assert_op EIO 0 300 stat "$COLD/file"

say "nothing is tried, by the next keeper neither"
old=$(process_pid keeper)
kill -9 "$old"
wait_value 5000 process_pid keeper != "$old"
wait_until 5000 ctl recover --dry-run
backend_is box exhausted || fail "state: $(backend_field box state)"

say "nor after a restart of everything"
stop_guardfs
start_guardfs
wait_until 5000 backend_is box exhausted
wait_until 5000 ctl recover --dry-run
assert_match "$(ctl recover box --dry-run)" 'budget'
assert_op EIO 0 300 stat "$COLD/file"
assert_eq "$(backend_field box pid)" 0 "an sshfs"

say "one command"
ctl resume box
wait_healthy
assert_content "$COLD/file" hello
wait_until 15000 backend_is box degraded healthy
assert_eq "$(ctl incidents --json | jq '[.incidents[] | select(.closed == 0)] | length')" 0 "open incidents"
assert_ge "$(ctl incidents --json | jq '.incidents | length')" 4 "incidents"
