# sshfs has moved an open file out of the way, and the other never gets its name: the connection breaks at the second request, and the caller is told of an error at once.
# The rename is finished over the next connection, whichever of guardfs's processes have died meanwhile, and nobody meets a name that nothing has.
# limit: 60
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=6000 DEADLINE_READ=6000 PROBE_TIMEOUT=4000 BACKOFF_MAX=400
finished=0

has_a_name()
{
	[[ -e $SERVER/published ]]
}

# The log tells of it.
have_been_finished()
{
	(($(grep -c 'had stopped halfway, and nothing had the name: finished' "$WORK/guardfs.log") == $1))
}

# break_off N request|hold: the rename of version N over the open file, of which sshfs's second request is lost, with the connection, or held. No other connection comes
# up before `reconnect`.
break_off()
{
	say "version $1: the second request meets '$2'"
	printf 'version %d\n' "$1" >"$COLD/next"
	hold before read "$COLD/published"
	relay far take 0
	echo "rename $2 /next" >"$WORK/rule"
	mv "$COLD/next" "$COLD/published" 2>"$WORK/said" &
	publisher=$!
	wait_until 10000 test -e "$WORK/rule.done"
	rm "$WORK/rule.done"
	assert_missing "$SERVER/published"
}

caller_is_told()
{
	local rc=0

	wait "$publisher" || rc=$?
	assert_eq "$rc" 1 "mv's exit status"
	assert_missing "$SERVER/published"
}

reconnect()
{
	relay far take 1000
	wait_healthy
}

# is_finished N: as it would have been by a worker that had lived.
is_finished()
{
	let_go before
	wait_until 5000 has_a_name
	assert_content "$SERVER/published" "version $1"
	assert_content "$COLD/published" "version $1"
	assert_missing "$COLD/next"
	finished=$((finished + 1))
	wait_until 5000 have_been_finished "$finished"
}

box_start box 2222
sed -i "s|^Subsystem sftp .*|Subsystem sftp /usr/bin/python3 -B $REPO/tests/lib/lossy-server.py $WORK/box/data $WORK/rule|" "$WORK/box/sshd_config"
box_kill
box_restart
relay_start far 2300 2222
mkdir -p "$WORK/box/data/jobs/cold"
conf_begin
PORT=2300 conf_box box
conf_tier box/jobs/cold cold
sed -i '/^\[recovery\]/a recoveries_per_hour = 0\nrecoveries_per_day = 0\nflap_count = 0' "$CONF"
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
start_stored
wait_healthy
printf 'version 0\n' >"$SERVER/published"
python3 "$REPO/tests/cases/guard/hidden-late.py" "$COLD/published" "$WORK/stop" >"$WORK/readers" 2>&1 &
readers=$!
wait_until 10000 test -e "$WORK/stop.reads"

say "all of guardfs lives"
break_off 1 request
caller_is_told
reconnect
is_finished 1

say "worker dies"
break_off 2 request
caller_is_told
kill_worker
reconnect
is_finished 2

say "worker and sshfs die between the two requests; what the next worker takes up of the rename it notes, and dies, too"
break_off 3 hold
kill_worker kill -KILL "$(sshfs_pid)"
caller_is_told
kill_worker
kill_worker
reconnect
is_finished 3

say "guardian, worker and keeper die"
break_off 4 request
caller_is_told
ready=$(grep -c '^ready' "$WORK/store.out")
kill_at_once $(guardfs_pids)
wait_value 10000 grep -c ^ready "$WORK/store.out" -gt "$ready"
reconnect
is_finished 4

touch "$WORK/stop"
wait "$readers"
cat "$WORK/readers"
assert_eq "$(grep -vE '^(version [0-9]|EIO)$' "$WORK/readers")" "" "else that readers were told"
kill -TERM "$store"
wait_until 10000 is_gone "$store"
