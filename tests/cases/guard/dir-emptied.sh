# The directory of a backend with a marker is suddenly another, empty one: identity_mismatch, and nothing is written there.
. "$REPO/tests/lib/lib.sh"

MARKER=8d3c7c52-5c0e-4b07-9d54-0c5a3f8d2c11
mkdir "$WORK/store"
mount -t tmpfs -o size=8m store "$WORK/store"
setup_dir "marker = $MARKER"
echo "$MARKER" >"$WORK/store/.guardfs-id"
echo hello >"$SERVER/file"
start_guardfs
wait_healthy store
assert_content "$COLD/file" hello

say "the mount beneath is taken away"
umount -l "$WORK/store"
wait_down store
wait_value 5000 backend_field store class == identity_mismatch
assert_op EIO 0 50 create "$COLD/probe-1"
assert_op EIO 0 50 stat "$COLD/file"
assert_op EIO 0 50 readdir "$COLD"
assert_eq "$(ls -A "$WORK/store")" '' "what lies underneath"
assert_match "$(cat "$MNT/.guardfs/health")" 'identity_mismatch'

say "another storage with another marker is not ours either"
mount -t tmpfs -o size=8m other "$WORK/store"
mkdir "$SERVER"
echo 11111111-2222-3333-4444-555555555555 >"$WORK/store/.guardfs-id"
sleep 1.5 # sleep-ok: time for what must not happen
backend_is store down recovering || fail "it accepted another storage"
assert_op EIO 0 50 create "$COLD/probe-2"
assert_no_trace "$WORK/store" 'probe-*'

say "the right one comes back"
echo "$MARKER" >"$WORK/store/.guardfs-id"
wait_healthy store
assert_op OK 0 1000 create "$COLD/probe-3"
[[ -e $SERVER/probe-3 ]] || fail "not written to the store"
assert_no_trace "$LOCAL" 'probe-*'
stop_guardfs
umount "$WORK/store"
