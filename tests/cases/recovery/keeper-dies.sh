# Keeper dies again and again, in every part of an outage: the incident is one, opened and closed once; what was lost
# while no keeper ran is an incident too; the backoff goes on where it was.
. "$REPO/tests/lib/lib.sh"

BACKOFF_MIN=1000 BACKOFF_MAX=8000
setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_until 15000 backend_is box healthy

kill_keeper()
{
	local old

	old=$(process_pid keeper)
	kill -9 "$old"
	wait_until 10000 eval '[[ $(process_pid keeper) != '"$old"' && $(process_pid keeper) != 0 ]]'
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
wait_until 5000 eval '[[ $(ctl incidents --json | jq -c "[.incidents[] | .closed > 0]") == "[true]" ]]'
assert_content "$COLD/file" hello

say "a long outage, in which keeper dies five times"
box_kill
wait_down
for _ in 1 2 3 4 5; do
	kill_keeper
	backend_is box down recovering || fail "state: $(backend_field box state)"
done
assert_eq "$(ctl incidents --json | jq '.incidents | length')" 2 "incidents"
wait_until 15000 eval '(($(backend_field box next_attempt) > 0))'
box_restart
wait_until 25000 backend_is box healthy
wait_until 5000 eval '[[ $(ctl incidents --json | jq -c "[.incidents[] | .closed > 0]") == "[true,true]" ]]'
assert_content "$COLD/file" hello
ctl incident 2 --json | jq -e '.events | map(select(.kind == "transition" and .to == "down" and .from != "down" and .from != "recovering")) | length == 1' >/dev/null ||
	fail "it went down more than once: $(ctl incident 2)"
