# A server that is full, or read-only, is no outage; but it is found out, told with what to do, and over when it is over.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

mkdir "$WORK/small"
mount -t tmpfs -o size=2m small "$WORK/small"
mkdir "$WORK/small/cold"
box_start box 2222 "$WORK/small"
conf_begin
conf_box box
conf_tier box/cold cold
COLD=$MNT/cold SERVER=$WORK/small/cold
echo hello >"$SERVER/file"
start_guardfs
wait_until 15000 backend_is box healthy

# told CLASS ADVICE: by health, by status with what to do, and by the history.
told()
{
	wait_value 15000 backend_field box class == "$1"
	backend_is box degraded || fail "state: $(backend_field box state)"
	assert_match "$(timeout 5 cat "$MNT/.guardfs/health")" "^degraded $1 " "health"
	assert_match "$(timeout 5 cat "$MNT/.guardfs/status")" "advice: .*$2" "status"
	ctl doctor >"$WORK/doctor" || true
	grep -A1 "warning.*backend:box.*$1" "$WORK/doctor" | grep "$2" || fail "doctor: $(cat "$WORK/doctor")"
	assert_content "$COLD/file" hello
}

say "full, by somebody else's doing"
dd if=/dev/zero of="$SERVER/fill" bs=4k status=none 2>/dev/null || true
told full 'free space'
assert_exit 1 'full' ctl diagnose box
rm "$SERVER/fill"
wait_until 10000 backend_is box healthy

assert_eq "$(ctl incidents --json | jq '.incidents | length')" 0 "incidents: nothing was lost"
stop_guardfs

say "read-only: only who writes can know; sshfs says no more than EPERM, and the server itself is asked for the reason"
sed -i '/^type = s/a canary = yes' "$CONF"
start_guardfs
wait_until 15000 backend_is box healthy
mount -o remount,ro "$WORK/small"
told read_only 'read-only'
for round in 1 2 3; do # probes go on meeting EPERM
	suspect=$(backend_field box class)
	assert_eq "$suspect" read_only "class, later"
	sleep 0.7 # sleep-ok: the next probe
done
"$TOOLS/timed" create "$COLD/new"
mount -o remount,rw "$WORK/small"
wait_until 10000 backend_is box healthy
assert_op OK 0 1000 create "$COLD/new"
assert_eq "$(ctl incidents --json | jq '.incidents | length')" 0 "incidents: nothing was lost"
stop_guardfs
box_kill
umount "$WORK/small"
