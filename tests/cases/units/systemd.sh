# guardfs@.service under a real systemd: started when it serves, kept over deaths by the fd store, restarted without limit,
# upgraded, ordered before those who need it, and stopped without a trace.
# limit: 120
# long: a systemd of its own, six deaths of guardian, and units that wait for each other
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/systemd.sh"

UNIT=guardfs@test.service WORKER=healtharchive-worker.service
setup_one_box
mkdir -p "$WORK/etc/guardfs" "$WORK/units/$UNIT.d" "$WORK/units/$WORKER.d"
cp "$CONF" "$WORK/etc/guardfs/test.conf"
cp "$REPO/scripts/systemd/guardfs@.service" "$WORK/units"
# There is no journald.
printf '[Service]\nStandardOutput=append:%s\nStandardError=inherit\n' "$WORK/guardfs.log" >"$WORK/units/$UNIT.d/log.conf"
cat >"$WORK/units/$WORKER" <<END
[Service]
ExecStartPre=findmnt -t fuse.guardfs $MNT
ExecStart=tail -f /dev/null
END
sed "s|guardfs@jobs|guardfs@test|; s|/srv/healtharchive/jobs|$MNT|" "$REPO/docs/examples/systemd/healtharchive-worker.conf" \
	>"$WORK/units/$WORKER.d/guardfs.conf"
systemd_start

property()
{
	inside systemctl show -P "$1" "${2:-$UNIT}"
}
is_active()
{
	[[ $(property ActiveState "${1:-$UNIT}") == active ]]
}
# another_guardian PID: not that one any more, and serving.
another_guardian()
{
	[[ $(property MainPID) != "$1" ]] && is_active && inside timeout 2 cat "$MNT/.guardfs/health"
}
# killed_and_back: guardian dies; systemd has the next one serve.
killed_and_back()
{
	local pid

	pid=$(property MainPID)
	inside kill -9 "$pid"
	wait_until 20000 another_guardian "$pid"
}
healthy()
{
	inside guardctl -c /etc/guardfs/test.conf wait --state healthy --timeout 20s
}

say "started: systemctl returns when it serves"
inside systemctl start "$UNIT"
assert_eq "$(inside findmnt -nro SOURCE,FSTYPE "$MNT")" "guardfs:test fuse.guardfs" "the mount"
inside timeout 2 cat "$MNT/.guardfs/health" >/dev/null
healthy
inside bash -c "echo written >$COLD/file"
assert_content "$SERVER/file" written
assert_eq "$(property NFileDescriptorStore)" 4 "descriptors in the store"
assert_eq "$(property OOMScoreAdjust)" -1000 OOMScoreAdjust
# Not every container's root may have it.
if bash -c 'echo -1 >/proc/self/oom_score_adj' 2>/dev/null; then
	assert_eq "$(inside cat "/proc/$(property MainPID)/oom_score_adj")" -1000 "oom_score_adj"
fi
assert_eq "$(inside sed -n 's/^NoNewPrivs:\t//p' "/proc/$(property MainPID)/status")" 1 NoNewPrivs

say "a file is open while guardian dies six times in a row: one mount, one file, no start limit"
device=$(inside stat -c %d "$MNT")
inside bash -c "exec 8>>$COLD/log; echo before >&8; touch $WORK/opened
	until [[ -e $WORK/go-on ]]; do sleep 0.02; done # sleep-ok: polling
	echo after >&8 && exec 8>&- && touch $WORK/gone-on" 2>"$WORK/appender.err" &
echo $! >"$WORK/appender.pid"
wait_until 5000 test -e "$WORK/opened"
for ((i = 0; i < 6; i++)); do
	killed_and_back
done
assert_eq "$(property NRestarts)" 6 restarts
touch "$WORK/go-on"
wait_until 5000 test -e "$WORK/gone-on"
rm "$WORK/appender.pid"
assert_content "$SERVER/log" $'before\nafter'
assert_eq "$(inside stat -c %d "$MNT")" "$device" st_dev
healthy

say "upgraded: the same process, the same mount"
pid=$(property MainPID)
inside systemctl kill -s USR2 --kill-who=main "$UNIT"
wait_until 10000 grep -q 're-execut' "$WORK/guardfs.log"
healthy
assert_eq "$(property MainPID)" "$pid" MainPID
assert_eq "$(inside stat -c %d "$MNT")" "$device" st_dev
is_active || fail "not active after an upgrade"

say "the manifest is read again"
mkdir -p "$WORK/box/data/jobs/more"
echo "$WORK/cold/box/jobs/more $MNT/more" >>"$WORK/manifest"
inside systemctl reload "$UNIT"
wait_until 10000 inside guardctl -c /etc/guardfs/test.conf health "$MNT/more"

say "the worker is started after the mount, and brings it; and is stopped before it"
inside systemctl stop "$UNIT"
inside systemctl start "$WORKER"
is_active || fail "the worker runs without the mount"
before=$(property ActiveEnterTimestampMonotonic)
assert_le "$before" "$(property ExecMainStartTimestampMonotonic "$WORKER")" "order of the starts"
killed_and_back
is_active "$WORKER" || fail "the worker was stopped by a restart of guardfs"
inside systemctl stop "$UNIT"
! is_active "$WORKER" || fail "the worker goes on without the mount"

say "stopped: nothing is left"
assert_fails inside mountpoint -q "$MNT"
assert_eq "$(property NFileDescriptorStore)" 0 "descriptors in the store"
assert_eq "$(inside pgrep -c 'guardfs|sshfs' || true)" 0 "processes"

say "guardfs that cannot be started keeps the worker from the bare directory"
inside sed -i 's/^mountpoint/mountpiont/' /etc/guardfs/test.conf
assert_fails inside systemctl start "$WORKER"
! is_active "$WORKER" || fail "the worker writes below the mountpoint"
