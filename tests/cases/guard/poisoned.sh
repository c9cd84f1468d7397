# A handle that cannot be found again with certainty after a reconnect says EIO until it is closed; a new one works.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
conf hooks "sentinel = $WORK/sentinel" 'on_suspect = /bin/true'
echo hello >"$SERVER/gone"
echo hello >"$SERVER/shrunk"
start_guardfs
wait_healthy

hold reader read "$COLD/gone"
hold writer append "$COLD/shrunk"
assert_held OK 0 1000 writer append more
rm "$COLD/gone"
epoch=$(backend_field box epoch)
kill -9 "$(sshfs_pid)"
# While nobody looks, somebody else takes away what was acknowledged but never synced.
printf x >"$SERVER/shrunk"
wait_value 10000 backend_field box epoch -gt "$epoch"
wait_healthy
assert_held EIO 0 1000 reader read
assert_held EIO 0 1000 writer append lost
assert_held EIO 0 1000 writer fsync
# Nor does it do to the file that has the name now what was meant for its own.
assert_held EIO 0 1000 writer truncate
assert_content "$SERVER/shrunk" x
assert_held EIO 0 1000 writer close
let_go reader
let_go writer
echo again >>"$COLD/shrunk"
assert_content "$SERVER/shrunk" xagain
assert_ge "$(backend_field box counters.poisoned)" 1 "handles poisoned"

say "history names them, with the bytes, long after they were closed; so does the mount; and on_suspect would be run"
told()
{
	ctl incident 1 --json | jq -e --arg re "$1" '.events | map(.name + " " + .outcome + " " + .text) | map(test($re)) | any' >/dev/null
}
wait_until 5000 told 'suspect .*may be lost'
wait_until 5000 told "suspect written $COLD/shrunk: what was acknowledged and not yet synced lies in bytes 6 to 9"
wait_until 5000 told "suspect read $COLD/gone: open for reading only"
wait_until 5000 told 'on_suspect not run the sentinel'
timeout 5 cat "$MNT/.guardfs/suspects"
grep -q $'^box\tpoisoned\t6-9\t10\tcold/shrunk$' <<<"$(timeout 5 cut -f 2,3,5,6,10 "$MNT/.guardfs/suspects")" || fail "suspects do not name the file"
! grep -q cold/gone "$MNT/.guardfs/suspects" || fail "a file that was only read is suspect"

say "what was truncated through the mount is no loss"
echo more and more >"$SERVER/rotated"
hold writer append "$COLD/rotated"
assert_held OK 0 1000 writer append more
: >"$COLD/rotated"
epoch=$(backend_field box epoch)
kill -9 "$(sshfs_pid)"
wait_value 10000 backend_field box epoch -gt "$epoch"
wait_healthy
assert_held OK 0 1000 writer append again
assert_held OK 0 1000 writer fsync
let_go writer

say "who only read has lost nothing: told, but no hook"
echo hello >"$SERVER/gone2"
wait_until 15000 backend_is box healthy
hold reader read "$COLD/gone2"
rm "$SERVER/gone2"
epoch=$(backend_field box epoch)
kill -9 "$(sshfs_pid)"
wait_value 10000 backend_field box epoch -gt "$epoch"
wait_healthy
assert_held EIO 0 1000 reader read
let_go reader
wait_until 20000 contains "gone2: open for reading only" ctl incident 3
ctl incident 3 >"$WORK/incident"
! grep -q 'hook .*on_suspect' "$WORK/incident" || fail "on_suspect for a reader"
