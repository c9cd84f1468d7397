# A server that carries a change out and loses the answer with the connection, or loses the request with it: either way the change is made
# once, and its caller sees no error. Somebody else's object under the name is not taken for ours, and a change of which nobody can tell is EIO.
# types: sshfs sftp
# limit: 120
# long: twenty connections lost, one for the request and one for the answer of each kind of change
. "$REPO/tests/lib/lib.sh"

PATIENCE=30000 DEADLINE_METADATA=25000 DEADLINE_READ=25000 BACKOFF_MIN=20 BACKOFF_MAX=100
setup_one_box
sed -i '/^\[recovery\]/a recoveries_per_hour = 0\nrecoveries_per_day = 0\nflap_count = 0' "$CONF"
sed -i "s|^Subsystem sftp .*|Subsystem sftp /usr/bin/python3 -B $REPO/tests/lib/lossy-server.py $WORK/box/data $WORK/rule|" "$WORK/box/sshd_config"
box_kill
box_restart
start_guardfs
wait_healthy

# What changes.py does, and the request of SFTP of which each is to lose something.
changes='mkdir:mkdir create_exclusively:open create:open symlink:symlink link:link unlink:remove rmdir:rmdir rename:rename replace:rename
	chmod:setstat'

for change in $changes; do
	for what in request answer; do
		name=${change%:*}
		epoch=$(backend_field box epoch)
		echo "${change#*:} $what $name-" >"$WORK/rule"
		python3 "$REPO/tests/cases/young/changes.py" "$COLD" "$SERVER" "$name" || fail "$name, whose $what is lost"
		[[ -e $WORK/rule.done ]] || fail "$name: its $what was not lost"
		rm "$WORK/rule.done"
		# A caller who had only waited for the next connection would show nothing.
		assert_ge "$(backend_field box epoch)" $((epoch + 1)) "epoch after $name, whose $what was lost"
		rm -rf "$SERVER"/*
		wait_healthy
	done
done
assert_eq "$(status '.counters | "\(.errors) \(.fast_fails)"')" "0 0" "calls that failed"

say "the history has those that had been made"
# A name is created, and a mode set, without asking whether the first run had done it.
assert_eq "$(status '.counters.made_before')" 8 "changes made before"
# In incidents, or in no incident where one had just been closed.
notes()
{
	sqlite3 "$STATE/history.sqlite" "SELECT COALESCE(SUM(text + 0), 0) FROM events WHERE kind = 'note' AND name = 'made before'"
}
wait_value 5000 notes -eq 8

say "a request that breaks every connection is not run for ever: its caller has an error, and sees what is there"
errors=$(status .counters.errors)
echo 'mkdir request never always' >"$WORK/rule"
assert_op EIO 0 25000 mkdir "$COLD/never"
rm "$WORK/rule"
wait_healthy
assert_op ENOENT 0 25000 stat "$COLD/never"
assert_eq "$(status .counters.errors)" $((errors + 1)) "errors counted"
wait_value 20000 incidents '[.incidents[].failed] | add' -ge 1
# sshfs's kernel sees the directory before it asks for it once more.
echo 'mkdir answer made always' >"$WORK/rule"
assert_match "$("$TOOLS/timed" mkdir "$COLD/made")" '^(EIO|OK) '
rm "$WORK/rule"
wait_healthy
assert_op OK 0 25000 stat "$COLD/made"
