# A handle that cannot be found again with certainty after a reconnect says EIO until it is closed; a new one works.
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/gone"
echo hello >"$SERVER/shrunk"
start_guardfs
wait_healthy

exec 7<"$COLD/gone" 8>>"$COLD/shrunk"
echo more >&8
rm "$COLD/gone"
kill -9 "$(sshfs_pid)"
# While nobody looks, somebody else takes away what was acknowledged but never synced.
: >"$SERVER/shrunk"
wait_down || true
wait_healthy
assert_op EIO 0 1000 read fd:7
assert_op EIO 0 1000 append fd:8 lost
assert_op EIO 0 1000 fsync fd:8
exec 7<&-
exec 8>&- || true
echo again >>"$COLD/shrunk"
assert_content "$SERVER/shrunk" again
assert_ge "$(backend_field box counters.poisoned)" 1 "handles poisoned"
