# SIGUSR2: guardian executes the program file anew; the mount, open files and requests under way are kept.
# limit: 120
# long: half a dozen executions anew, each until another worker serves, for each type
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

mkdir "$WORK/bin"
cp "$GUARDFS" "$WORK/bin/guardfs"
GUARDFS=$WORK/bin/guardfs
setup_one_box
start_guardfs
wait_healthy
mkdir "$MNT/work"
hold log append "$COLD/log"
assert_held OK 0 1000 log append first,
stress_begin "$MNT/work"
sshfs=$(sshfs_pid)

for round in 1 2 3 4 5; do
	old=$(process_pid worker)
	kill -USR2 "$GUARDIAN"
	wait_value 10000 process_pid worker != "$old"
	[[ -d /proc/$GUARDIAN ]] || fail "guardian is gone"
	assert_eq "$(process_pid guardian)" "$GUARDIAN" "pid of the guardian"
	wait_healthy
done
say "an upgrade: the file is replaced by another build of the same layout"
cp "$BUILD/guardfs" "$WORK/bin/new"
mv "$WORK/bin/new" "$WORK/bin/guardfs"
old=$(process_pid worker)
kill -USR2 "$GUARDIAN"
wait_value 10000 process_pid worker != "$old"
wait_healthy
assert_match "$(readlink "/proc/$GUARDIAN/exe")" 'bin/guardfs$' "the program that runs"
assert_held OK 0 1000 log append second,

say "refused: a program that is no guardfs, and one that is not there"
for bad in /bin/true none; do
	rm -f "$WORK/bin/guardfs"
	[[ $bad == none ]] || cp "$bad" "$WORK/bin/guardfs"
	lines=$(wc -l <"$WORK/guardfs.log")
	kill -USR2 "$GUARDIAN"
	wait_value 10000 grep -c "" "$WORK/guardfs.log" -gt "$lines"
	tail -n +$((lines + 1)) "$WORK/guardfs.log"
	# Whatever it did, it must go on serving.
	assert_op ENOENT 0 2000 stat "$MNT/none-$RANDOM"
	[[ -d /proc/$GUARDIAN ]] || fail "guardian is gone"
done
assert_held OK 0 1000 log append third
stress_end
say "none of that was a death: not in the log, the counters, the history"
assert_fails grep -E 'killed by signal|starting another$' <(grep -v 'ended as planned' "$WORK/guardfs.log")
assert_eq "$(status '"\(.keeper_restarts) \(.worker_restarts) \(.crashes_total)"')" "0 0 0" "keepers and workers that died, crashes"
assert_fails grep -E '^guardfs_(worker|keeper)_(restarts|crashes)_total.* [1-9]' "$MNT/.guardfs/metrics"
assert_eq "$(python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("select count(*) from events where kind = ?", ("crash",)).fetchone()[0])' "$STATE/history.sqlite")" 0 \
	"crashes in the history"
let_go log
lines=$(wc -l <"$WORK/guardfs.log")
stop_guardfs
assert_eq "$(tail -n +$((lines + 1)) "$WORK/guardfs.log" | sed 's/.*: //')" ending "what is logged at the end"
assert_content "$SERVER/log" first,second,third
