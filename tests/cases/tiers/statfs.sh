# statfs answers from the last known figures and never blocks; the mount says what it is.
. "$REPO/tests/lib/lib.sh"

mkdir "$WORK/store"
mount -t tmpfs -o size=64m store "$WORK/store"
setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store

assert_eq "$(findmnt -n -o SOURCE,FSTYPE "$MNT" | xargs)" 'guardfs:test fuse.guardfs'
options=$(findmnt -n -o OPTIONS "$MNT")
for option in nosuid nodev default_permissions allow_other; do
	assert_match ",$options," ",$option," "mount options"
done
assert_eq "$(stat -f -c '%b %S' "$MNT")" "$(stat -f -c '%b %S' "$LOCAL")" "the local tier's figures"
wait_value 5000 stat -f -c "%b %S" "$COLD" == "$(stat -f -c "%b %S" "$WORK/store")"
figures=$(stat -f -c '%b %S %l' "$COLD")

echo 'all hang' >"$WORK/fault"
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/new"
wait_down store
assert_op OK 0 20 statvfs "$MNT"
assert_eq "$(timeout 1 stat -f -c '%b %S %l' "$COLD" 2>&1 || true)" "$figures" "last known figures of a backend that is down"
timeout 2 df "$MNT" >/dev/null || fail "df hangs"
: >"$WORK/fault"
wait_healthy store
stop_guardfs
umount "$WORK/store"
