# Errors of the file system itself pass through unchanged: a full disk, missing rights, names taken or missing.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

mkdir "$WORK/small"
mount -t tmpfs -o size=2m,mode=0777 small "$WORK/small"
mkdir -m 0777 "$WORK/small/cold"
# Not root on the server, so that rights count there. umask: everybody may do everything as far as guardfs is concerned.
box_start box 2222 "$WORK/small" nobody
conf_begin
conf_box box 'uid = 0' 'gid = 0' 'umask = 0'
conf_tier box/cold cold
COLD=$MNT/cold SERVER=$WORK/small/cold
start_guardfs
wait_healthy

say "names"
mkdir "$COLD/full"
touch "$COLD/full/inside" "$COLD/file"
assert_op EEXIST 0 1000 mkdir "$COLD/full"
assert_op EEXIST 0 1000 create "$COLD/file"
assert_op ENOTEMPTY 0 1000 rmdir "$COLD/full"
assert_op ENOENT 0 1000 stat "$COLD/none"
assert_op ENOENT 0 1000 unlink "$COLD/none"
assert_op ENOENT 0 1000 rename "$COLD/none" "$COLD/none2"
assert_op ENOTDIR 0 1000 readdir "$COLD/file"
assert_op EISDIR 0 1000 unlink "$COLD/full"
assert_op ENAMETOOLONG 0 1000 mkdir "$COLD/$(printf 'n%.0s' {1..256})"

say "rights"
mkdir -m 0755 "$SERVER/others"
touch "$SERVER/others/file"
chmod 0600 "$SERVER/others/file"
assert_op EACCES 0 1000 create "$COLD/others/new"
assert_op EACCES 0 1000 mkdir "$COLD/others/new"
assert_op EACCES 0 1000 open "$COLD/others/file"

say "a full disk, met by a write and by a create"
exec 8>"$COLD/big"
dd if=/dev/zero bs=64k count=64 status=none 2>"$WORK/dd" >&8 && fail "4 MiB fitted into 2 MiB"
grep -q 'No space left' "$WORK/dd" || fail "a full disk shows as: $(cat "$WORK/dd")"
assert_op ENOSPC 0 1000 append "$COLD/big" "$(head -c 60000 /dev/zero | tr '\0' x)"
exec 8>&- || true
backend_is box healthy probation degraded || fail "a full disk is not an outage"
rm "$COLD/big"
assert_op OK 0 1000 create "$COLD/again"
assert_content "$COLD/file" ''
stop_guardfs
box_kill
umount "$WORK/small"
