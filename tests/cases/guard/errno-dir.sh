# With a dir backend every errno of the file system below comes through: a full disk, read-only, missing rights.
. "$REPO/tests/lib/lib.sh"

mkdir "$WORK/store"
mount -t tmpfs -o size=1m store "$WORK/store"
setup_dir
start_guardfs
wait_healthy store

exec 8>"$COLD/big"
dd if=/dev/zero bs=64k count=32 status=none 2>"$WORK/dd" >&8 && fail "2 MiB fitted into 1 MiB"
grep -q 'No space left' "$WORK/dd" || fail "a full disk shows as: $(cat "$WORK/dd")"
exec 8>&- || true
rm "$COLD/big"
mkdir "$COLD/full"
touch "$COLD/full/inside"
assert_op ENOTEMPTY 0 1000 rmdir "$COLD/full"
assert_op EEXIST 0 1000 mkdir "$COLD/full"
assert_op ENOENT 0 1000 open "$COLD/none"
mount -o remount,ro "$WORK/store"
assert_op EROFS 0 1000 create "$COLD/new"
mount -o remount,rw "$WORK/store"
assert_op OK 0 1000 create "$COLD/new"
backend_is store healthy probation degraded || fail "these are no outages"
stop_guardfs
umount "$WORK/store"
