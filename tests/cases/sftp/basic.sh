# A server served without sshfs: names, attributes, data, links, renames; over the mount and on the server the same.
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/there"
mkdir "$SERVER/dir"
ln -s there "$SERVER/link"
start_guardfs
wait_healthy
assert_missing "$RUN/mnt/box"

say "reading what is there"
assert_content "$COLD/there" hello
assert_eq "$(ls "$COLD" | tr '\n' ' ')" 'dir link there '
assert_eq "$(readlink "$COLD/link")" there
assert_content "$COLD/link" hello

say "writing"
echo one >"$COLD/new"
echo two >>"$COLD/new"
assert_eq "$(cat "$SERVER/new")" $'one\ntwo'
head -c 5000000 /dev/urandom >"$WORK/data"
cp "$WORK/data" "$COLD/data"
cmp "$WORK/data" "$SERVER/data"
cmp "$WORK/data" "$COLD/data"
truncate -s 1000000 "$COLD/data"
assert_eq "$(stat -c %s "$SERVER/data")" 1000000
dd if=/dev/zero of="$COLD/data" bs=1000 count=1 seek=2000 conv=notrunc,fsync status=none
assert_eq "$(stat -c %s "$SERVER/data")" 2001000

say "names"
mkdir -p "$COLD/a/b/c"
mv "$COLD/new" "$COLD/a/b/c/moved"
assert_eq "$(cat "$SERVER/a/b/c/moved")" $'one\ntwo'
mv "$COLD/a/b/c/moved" "$COLD/there"
assert_eq "$(cat "$SERVER/there")" $'one\ntwo'
ln "$COLD/there" "$COLD/second"
assert_eq "$(stat -c %h "$SERVER/there")" 2
ln -s ../x "$COLD/dangling"
assert_eq "$(readlink "$SERVER/dangling")" ../x
rm "$COLD/second" "$COLD/dangling"
assert_missing "$SERVER/second"

say "what cannot be done is said as on any file system"
assert_op EEXIST 0 1000 mkdir "$COLD/dir"
assert_exit 1 'not empty' rmdir "$COLD/a"
assert_op ENOENT 0 1000 stat "$COLD/nothing"
assert_op ENOENT 0 1000 open "$COLD/nothing"
assert_op EISDIR 0 1000 unlink "$COLD/dir"
rm -r "$COLD/a"
assert_missing "$SERVER/a"

say "attributes: a time alone, times of 1970 and before"
touch -d '2001-02-03 04:05:06' "$COLD/there"
touch -a -d '2010-11-12 13:14:15' "$COLD/there"
assert_eq "$(TZ=UTC stat -c '%x %y' "$SERVER/there")" "$(TZ=UTC date -d '2010-11-12 13:14:15' '+%F %T.000000000 +0000') $(TZ=UTC date -d '2001-02-03 04:05:06' '+%F %T.000000000 +0000')"
touch -d @0 "$COLD/there"
assert_eq "$(stat -c %Y "$SERVER/there")" 0
assert_exit 1 'range' touch -d '1960-01-01' "$COLD/there"
chmod 640 "$COLD/there"
assert_eq "$(stat -c %a "$SERVER/there")" 640

say "a file that is removed while it is open goes on, and its directory can be removed"
mkdir "$COLD/gone"
exec 5<>"$COLD/gone/file" && echo still >&5
rm "$COLD/gone/file"
rmdir "$COLD/gone"
assert_missing "$SERVER/gone"

exec 5>&-

say "the same from the other side"
echo changed >"$SERVER/there"
wait_value 3000 cat "$COLD/there" == changed
rm "$SERVER/there"
wait_until 3000 not test -e "$COLD/there"
