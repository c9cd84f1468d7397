# The keeper stands still (SIGSTOP), during an outage: it is replaced, sshfs is adopted, and the outage ends.
# limit: 120
# long: a keeper that is found out by its silence only, twice
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
sshfs=$(sshfs_pid)

# replaced OLD: another keeper runs, and has shown how things are. Within 3 s by the rule, and more on a busy machine.
replaced()
{
	local now

	now=$(process_pid keeper)
	[[ $now != "$1" && -d /proc/$now && $(status '.keeper_restarts') -ge 1 ]] && "$GUARDCTL" -c "$CONF" jobs
}

say "while all is well: sshfs goes on"
old=$(process_pid keeper)
kill -STOP "$old"
assert_content "$COLD/file" hello
wait_until 30000 replaced "$old"
wait_until 5000 is_gone "$old"
wait_healthy
assert_eq "$(sshfs_pid)" "$sshfs" "sshfs goes on"
assert_content "$COLD/file" hello

say "while the backend is away: callers are told so, and it recovers"
old=$(process_pid keeper)
kill -STOP "$old"
box_kill
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/new"
assert_op EIO 0 1000 stat "$COLD/new"
box_restart
wait_until 30000 replaced "$old"
wait_healthy
assert_content "$COLD/file" hello
assert_match "$(grep -c 'has done nothing for' "$WORK/guardfs.log")" '^2$' "both are in the log"

# By its state, long before its silence alone would tell: after 3 s, where guardian gets a processor within a few seconds more.
took=$(sed -n 's/.*has done nothing for \([0-9]*\) s (state T).*/\1/p' "$WORK/guardfs.log" | sort -n | head -n 1)
echo "found out after $took s"
assert_le "$took" 9 "seconds until the first of the two was found out"
