# A handle that cannot be found again with certainty after a reconnect says EIO until it is closed; a new one works.
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
wait_until 10000 eval '(($(backend_field box epoch) > epoch))'
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

say "history names it, and on_suspect would be run"
wait_until 20000 eval 'ctl incident 1 --json | jq -e ".events | map(.name + \" \" + .outcome + \" \" + .text) | (map(test(\"suspect.*may be lost\")) | any) and (map(test(\"on_suspect not run the sentinel\")) | any)"'

say "what was truncated through the mount is no loss"
echo more and more >"$SERVER/rotated"
hold writer append "$COLD/rotated"
assert_held OK 0 1000 writer append more
: >"$COLD/rotated"
epoch=$(backend_field box epoch)
kill -9 "$(sshfs_pid)"
wait_until 10000 eval '(($(backend_field box epoch) > epoch))'
wait_healthy
assert_held OK 0 1000 writer append again
assert_held OK 0 1000 writer fsync
let_go writer
