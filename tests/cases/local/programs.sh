# Ordinary programs, and a comparison of what they leave behind with the original.
# limit: 120
# long: rsync, cp, tar, git and others, each with a comparison of all files afterwards
. "$REPO/tests/lib/lib.sh"

setup_local
start_guardfs
mkdir -p "$WORK/src/sub/deep" "$WORK/src/empty"
seq 1 50000 >"$WORK/src/numbers"
head -c 3000000 /dev/urandom >"$WORK/src/sub/random"
ln "$WORK/src/numbers" "$WORK/src/sub/hard"
ln -s ../numbers "$WORK/src/sub/soft"
mkfifo "$WORK/src/fifo"
truncate -s 10M "$WORK/src/sparse"
printf x | dd of="$WORK/src/sparse" bs=1 seek=5000000 conv=notrunc status=none
touch -d '2001-02-03 04:05:06.789' "$WORK/src/sub/deep"
chmod 2750 "$WORK/src/sub"
chown 61001:61002 "$WORK/src/numbers"
setfattr -n user.test -v value "$WORK/src/numbers"

same()
{
	rsync -aHAXcin --delete "$WORK/src/" "$1/" >"$WORK/differences"
	[[ ! -s $WORK/differences ]] || fail "$1 differs: $(cat "$WORK/differences")"
}

say "rsync"
rsync -aHAX "$WORK/src/" "$MNT/rsync/"
same "$MNT/rsync"
assert_eq "$(stat -c %h "$MNT/rsync/numbers")" 2 "links"
rsync -a --inplace --append-verify "$WORK/src/" "$MNT/rsync/"
same "$MNT/rsync"

say "cp"
cp -a "$WORK/src" "$MNT/cp"
same "$MNT/cp"
cp -a --sparse=always --reflink=auto "$MNT/cp" "$MNT/cp2"
same "$MNT/cp2"
cp "$MNT/cp/sub/random" "$MNT/cp/copy" && cmp "$WORK/src/sub/random" "$MNT/cp/copy"

say "tar"
mkdir "$MNT/tar"
tar -C "$WORK/src" --xattrs --acls -cf "$MNT/archive.tar" .
tar -C "$MNT/tar" --xattrs --acls -xpf "$MNT/archive.tar"
same "$MNT/tar"

say "chmod, chown, find, du, rm"
chmod -R a+rX "$MNT/cp2"
chown -R 61003:61003 "$MNT/cp2"
assert_eq "$(find "$MNT/cp2" ! -user 61003 | wc -l)" 0
assert_eq "$(find "$MNT/tar" | wc -l)" "$(find "$WORK/src" | wc -l)" "files found"
assert_eq "$(du -s --apparent-size -B1 "$MNT/tar/sub" | cut -f1)" "$(du -s --apparent-size -B1 "$WORK/src/sub" | cut -f1)"
rm -rf "$MNT/cp2"
assert_missing "$MNT/cp2"

say "git"
git init -q "$MNT/repo"
git -C "$MNT/repo" config user.email test@example.org
git -C "$MNT/repo" config user.name test
cp -r "$REPO"/scripts "$MNT/repo/"
git -C "$MNT/repo" add .
git -C "$MNT/repo" commit -qm first
git clone -q "$MNT/repo" "$MNT/clone"
git -C "$MNT/clone" fsck --full >/dev/null 2>&1 || fail "git fsck"
diff -r "$REPO/scripts" "$MNT/clone/scripts"

say "dd with O_DIRECT, appends from two processes"
dd if="$WORK/src/sub/random" of="$MNT/direct" bs=64k oflag=direct iflag=fullblock conv=notrunc status=none 2>/dev/null ||
	dd if="$WORK/src/sub/random" of="$MNT/direct" bs=64k status=none
cmp "$WORK/src/sub/random" "$MNT/direct"
for i in 1 2 3 4; do
	(for ((k = 0; k < 500; k++)); do echo "writer $i line $k" >>"$MNT/appended"; done) &
done
wait $(jobs -p | grep -vx "$GUARDIAN")
assert_eq "$(wc -l <"$MNT/appended")" 2000 "lines appended by four writers"
assert_eq "$(sort -u "$MNT/appended" | wc -l)" 2000 "different lines"

say "a program run from there, and one being written to"
cp /bin/echo "$MNT/echo"
assert_eq "$("$MNT/echo" works)" works
