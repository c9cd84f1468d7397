# Keeper dies again and again, in every part of an outage: the incident is one, opened and closed once; what was lost
# while no keeper ran is an incident too; the backoff goes on where it was.
# limit: 120
# long: outages in which keeper dies again and again, and pauses grow
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

BACKOFF_MIN=1000 BACKOFF_MAX=8000
setup_one_box
sed -i 's/^\[recovery\]/&\nflap_count = 0/' "$CONF" # these outages are the case's
echo hello >"$SERVER/file"
start_guardfs
wait_until 15000 backend_is box healthy

kill_keeper()
{
	local old

	old=$(process_pid keeper)
	kill -9 "$old"
	wait_value 10000 process_pid keeper != "$old"
	wait_until 10000 ctl recover --dry-run
}

say "lost while no keeper is there"
old=$(process_pid keeper)
sshfs=$(sshfs_pid)
kill -STOP "$(process_pid guardian)"
kill -9 "$old"
kill -9 "$sshfs"
kill -CONT "$(process_pid guardian)"
wait_until 20000 backend_is box healthy
wait_value 5000 incidents ".incidents | map(.closed > 0) | @csv" == true
assert_content "$COLD/file" hello

# hurt N: so many operations fail at once.
hurt()
{
	local i

	for ((i = 0; i < $1; i++)); do
		assert_fails stat "$COLD/none$i"
	done
}
say "a short one: what fails in it is not counted in the next"
box_kill
wait_down
hurt 100
box_restart
ctl reconnect box
wait_until 15000 backend_is box healthy

say "a long outage, in which keeper dies five times"
box_kill
wait_down
hurt 5
for _ in 1 2 3 4 5; do
	kill_keeper
	hurt 5
	backend_is box down recovering || fail "state: $(backend_field box state)"
done
assert_eq "$(ctl incidents --json | jq '.incidents | length')" 3 "incidents"
wait_value 15000 backend_field box next_attempt -gt 0
box_restart
wait_until 25000 backend_is box healthy
wait_value 5000 incidents ".incidents | map(.closed > 0) | @csv" == true,true,true
assert_content "$COLD/file" hello
ctl incident 3 --json | jq -e '.events | map(select(.kind == "transition" and .to == "down" and .from != "down" and .from != "recovering")) | length == 1' >/dev/null ||
	fail "it went down more than once: $(ctl incident 3)"
grep -q 'crash .*keeper, replaced' <<<"$(ctl incident 3)" || fail "that keeper died is not told: $(ctl incident 3)"
# A stat is up to three requests: the route's root, the name, the name's attributes.
failed=$(ctl incidents --json | jq '.incidents[0].failed')
ctl incidents
assert_ge "$failed" 30 "operations failed in the long one"
assert_le "$failed" 90 "operations failed in the long one"

say "guardfs itself begins anew in an outage: what was counted before stays"
box_kill
wait_down
hurt 20
wait_value 30000 incidents ".incidents[0].failed" -ge 20
first=$(ctl incidents --json | jq '.incidents[0].first_error')
stop_guardfs
start_guardfs
wait_until 10000 ctl recover --dry-run
hurt 5
box_restart
ctl reconnect box
wait_until 25000 backend_is box healthy
wait_value 5000 incidents ".incidents[0].closed > 0" == true
ctl incidents
assert_eq "$(ctl incidents --json | jq '.incidents | length')" 4 "incidents"
assert_ge "$(ctl incidents --json | jq '.incidents[0].failed')" 20 "operations failed, over a restart"
assert_ge "$(ctl incidents --json | jq '.incidents[0].callers')" 5 "callers, over a restart"
assert_eq "$(ctl incidents --json | jq '.incidents[0].first_error')" "$first" "first error, over a restart"
