# A user lists directory after directory, each of which hangs the server's session: his share of the hour's recoveries is spent on
# him, then he is refused at once and the backend stays up for the others. An outage that nobody caused is charged to nobody: it is
# recovered at once, however often only one user sees it, and whoever is refused while one comes is let in again.
# limit: 240
# long: twelve directories that hang, each until the session is given up and made anew
. "$REPO/tests/lib/lib.sh"

HANGER=61001 ONLY=61002
BACKOFF_MAX=500
setup_one_box
sed -i 's/^\[recovery\]/&\nrecoveries_per_hour = 8\nconnect_timeout = 10s\nflap_count = 0/' "$CONF"
mkdir "$SERVER"/hang-{1..12} "$SERVER/public"
chmod o+x "$WORK"
sed -i "s|^Subsystem sftp .*|Subsystem sftp /usr/bin/python3 $REPO/tests/cases/shares/hanging.py $WORK/box/data|" "$WORK/box/sshd_config"
box_kill
box_restart
start_guardfs
wait_healthy
echo hello >"$COLD/file"
epoch=$(backend_field box epoch)

as()
{
	local uid=$1

	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}

was_tried_in_vain()
{
	(($(backend_field box counters.errors) > 0 && $(backend_field box attempts) > 0)) && backend_is box down
}

# list N: the user lists the Nth directory that hangs. Prints the errno.
list()
{
	as $HANGER "$TOOLS/timed" readdir "$COLD/hang-$1" | cut -d' ' -f1
}

for i in 1 2 3; do
	assert_eq "$(backend_field box 'refused | length')" 0 "refused before outage $i"
	assert_eq "$(list $i)" EIO
	wait_value 10000 backend_field box epoch -gt "$epoch"
	wait_healthy
	assert_eq "$(backend_field box epoch)" $((epoch + 1)) "epoch after outage $i"
	((epoch += 1))
done
assert_eq "$(backend_field box 'refused[0].uid')" $HANGER "who is refused"
grep -q "refused: user $HANGER, until" "$MNT/.guardfs/status" || fail "status does not name the user"
grep -q "over operations of user $HANGER: refused there" "$WORK/guardfs.log" || fail "the log does not name the user"

say "the others have the backend"
for i in 4 5 6 7 8 9 10 11 12; do
	assert_eq "$(list $i)" EIO
	assert_eq "$(as $HANGER "$TOOLS/timed" stat "$COLD/new" | cut -d' ' -f1)" EIO
	assert_content "$COLD/file" hello
	as $ONLY ls "$COLD/public"
done
assert_eq "$(as $HANGER cat "$MNT/.guardfs/health" | wc -l)" 1
assert_eq "$(backend_field box epoch)" "$epoch" "epoch, after nine more tries"
kill -9 "$(process_pid keeper)"
wait_value 10000 status .keeper_restarts == 1
assert_eq "$(list 4)" EIO
assert_eq "$(backend_field box epoch)" "$epoch" "epoch, with another keeper"

say "trouble without him: he is let in again"
wait_value 10000 status .processes.keeper != 0
wait_until 5000 ctl recover --dry-run
kill -9 "$(sshfs_pid)"
wait_value 10000 backend_field box epoch -gt "$epoch"
wait_healthy
assert_eq "$(backend_field box 'refused | length')" 0 "refused after trouble of nobody's"
as $HANGER ls "$COLD/public"

say "real outages that one user alone sees"
for i in 1 2 3; do
	epoch=$(backend_field box epoch)
	box_freeze
	as $ONLY "$TOOLS/timed" stat "$COLD/new-$i" >"$WORK/seen" || true
	assert_match "$(cat "$WORK/seen")" '^EIO'
	wait_until 60000 was_tried_in_vain
	box_thaw
	wait_healthy
	as $ONLY ls "$COLD/public"
	assert_eq "$(backend_field box 'refused | length')" 0 "refused after outage $i"
done
assert_content "$COLD/file" hello
