# adopt = yes writes a marker at first use; from then on nothing else at that address is taken for the backend.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box 'adopt = yes'
start_guardfs
wait_healthy
marker=$(cat "$WORK/box/data/.guardfs-id")
assert_match "$marker" '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
echo hello >"$COLD/file"

say "the server comes back with another, empty disk"
box_kill
wait_down
mv "$WORK/box/data" "$WORK/box/data.right"
mkdir -p "$WORK/box/data/jobs/cold"
box_restart
wait_value 15000 backend_field box class == identity_mismatch
assert_op EIO 0 100 create "$COLD/probe"
assert_op EIO 0 100 stat "$COLD/file"
assert_no_trace "$WORK/box/data" probe
assert_missing "$WORK/box/data/.guardfs-id"

say "and then with the right one"
rm -r "$WORK/box/data"
mv "$WORK/box/data.right" "$WORK/box/data"
box_cut
wait_healthy box 30000
assert_content "$COLD/file" hello
assert_eq "$(cat "$WORK/box/data/.guardfs-id")" "$marker" "the marker"

say "the marker is remembered over a restart"
stop_guardfs
mv "$WORK/box/data" "$WORK/box/data.right"
mkdir -p "$WORK/box/data/jobs/cold"
start_guardfs
wait_value 15000 backend_field box class == identity_mismatch
assert_op EIO 0 2000 create "$COLD/probe"
assert_no_trace "$WORK/box/data" probe
