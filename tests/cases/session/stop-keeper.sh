# The keeper stands still (SIGSTOP), during an outage: it is replaced, sshfs is adopted, and the outage ends.
# limit: 120
# long: a keeper that is found out by its silence only, six times
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

# new_keeper OLD: another one is there, whatever it has done.
new_keeper()
{
	local now

	now=$(process_pid keeper)
	[[ $now != "$1" ]]
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

# Mount and callers have nothing of it; the pace is told by the log.
say "each new one: they are started ever more slowly, and the first one that is left alone serves"
for ((i = 0; i < 4; i++)); do
	old=$(process_pid keeper)
	kill -STOP "$old"
	assert_content "$COLD/file" hello
	wait_until 30000 new_keeper "$old"
done
paced=$(grep -c 'keepers in a row have ended early: the next one is started in' "$WORK/guardfs.log") || true
assert_ge "$paced" 2 "keepers that were started later"
wait_healthy
wait_until 10000 "$GUARDCTL" -c "$CONF" jobs
assert_content "$COLD/file" hello
