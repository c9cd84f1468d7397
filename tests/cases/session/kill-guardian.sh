# Guardian killed where no supervisor starts another (fstab, guardfs -c): one is started from its own path and goes on with the session,
# open files, removed ones too, and sshfs included; capped. Where nobody can, status and health say what to do.
# types: sshfs sftp
# limit: 120
# long: several deaths of guardian, each found out and mended
. "$REPO/tests/lib/lib.sh"

mkdir "$WORK/bin"
cp "$GUARDFS" "$WORK/bin/guardfs"
GUARDFS=$WORK/bin/guardfs
setup_one_box
conf metrics "textfile = $WORK/figures.prom"

guardian_is_another()
{
	local pid

	pid=$(status .processes.guardian) && [[ $pid != "$1" && -d /proc/$pid ]]
}

standby_of()
{
	sed 's/.*) . \([0-9]*\) .*/\1/' "/proc/$1/stat"
}

say "from a relative path; what calls it keeps nothing of it"
(
	cd "$WORK"
	out=$(bin/guardfs -c guardfs.conf 2>&1)
)
mounted
wait_healthy
hold log append "$COLD/log"
assert_held OK 0 5000 log append first,
echo removed >"$COLD/removed"
hold removed read "$COLD/removed"
rm "$COLD/removed"
guardian=$(process_pid guardian) sshfs=$(sshfs_pid) standby=$(standby_of "$(process_pid guardian)")
assert_eq "$(cat "/proc/$standby/comm")" guardfs-standby

for signal in HUP USR1; do
	kill -$signal "$standby"
done
for ((n = 1; n <= 3; n++)); do
	say "killed, for the $n. time"
	kill -9 "$guardian"
	wait_until 10000 guardian_is_another "$guardian"
	guardian=$(process_pid guardian)
	assert_eq "$(standby_of "$guardian")" "$standby" "its parent"
	wait_healthy
	wait_value 10000 timeout 5 cat "$MNT/.guardfs/health" == 'ok*'
	assert_held OK 0 5000 log append "again$n,"
	assert_held OK 0 5000 removed read
	assert_eq "$(sshfs_pid)" "$sshfs" "sshfs"
	wait_until 15000 ctl health
done
let_go removed
box_freeze
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/new"
box_thaw
wait_healthy

say "no further time within the hour: status and health say what to do"
worker=$(process_pid worker) keeper=$(process_pid keeper)
kill -9 "$guardian"
wait_until 10000 is_gone "$standby"
assert_match "$(tail -n 3 "$RUN/log")" "not started again.*guardfs -c $CONF goes on with the session"
wait_value 5000 cat "$MNT/.guardfs/health" == 'degraded process *guardian is dead: start guardfs again*'
assert_match "$(cat "$MNT/.guardfs/status")" "advice: start it again: guardfs -c $CONF"
wait_until 5000 grep -q 'guardian is dead: start guardfs again' "$RUN/health"
wait_until 20000 is_gone "$keeper"
assert_match "$(cat "$MNT/.guardfs/health")" "^d[a-z]* process .*guardian is dead: start guardfs again"
assert_exit 2 "guardian is dead: start guardfs again" "$GUARDCTL" -c "$CONF" health
assert_exit 0 "advice: start it again: guardfs -c $CONF" "$GUARDCTL" -c "$CONF" status
for series in 'process="guardian"} 0' 'process="keeper"} 0' 'process="worker"} 1'; do
	grep -qxF "guardfs_process_up{mount=\"test\",$series" "$WORK/figures.prom" || fail "the figures do not say $series"
done

say "which goes on with the session"
"$GUARDFS" -c "$CONF"
wait_healthy
assert_eq "$(process_pid worker | grep -cx "$worker" || true)" 0 "the old worker serves"
assert_held OK 0 5000 log append last
let_go log
assert_content "$SERVER/log" first,again1,again2,again3,last
guardian=$(process_pid guardian) standby=$(standby_of "$(process_pid guardian)")

say "guardian and worker killed at once: mounted anew; a keeper of the old one takes nothing away"
worker=$(process_pid worker) keeper=$(process_pid keeper)
kill -9 "$guardian" "$worker"
wait_until 10000 is_gone "$worker"
wait_until 15000 guardian_is_another "$guardian"
wait_until 20000 is_gone "$keeper"
wait_healthy
assert_content "$COLD/log" first,again1,again2,again3,last
wait_until 15000 ctl health
[[ -s $RUN/health && -S $RUN/control.sock ]] || fail "the old keeper has taken away what is the new one's"

say "an end that was asked for is none to be mended"
guardian=$(process_pid guardian) standby=$(standby_of "$(process_pid guardian)")
kill -TERM "$guardian"
wait_until 10000 is_gone "$standby"
! mounted || fail "still mounted"
assert_missing "$RUN/health"

