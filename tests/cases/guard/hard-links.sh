# Hard links made through the mount are one file while they are known: one inode number, count, size, pages and locks, whatever is
# renamed or removed. A name whose file another client has replaced is a file of its own.
# limit: 120
# long: some hundred programs, and seconds until what another client did is seen
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy

# same COUNT NAME...: they are one file, of so many links.
same()
{
	local count=$1 name first

	shift
	first=$(stat -c %i "$COLD/$1")
	for name in "$@"; do
		assert_eq "$(stat -c '%i %h' "$COLD/$name")" "$first $count" "$name"
	done
}

say "one number, one count"
mkdir "$COLD/dir"
echo one >"$COLD/a"
stat "$COLD/a" >/dev/null
ln "$COLD/a" "$COLD/b"
ln "$COLD/b" "$COLD/dir/c"
same 3 a b dir/c
assert_eq "$(stat -c %h "$SERVER/a")" 3 "on the server"
assert_eq "$(ls -i "$COLD" | awk '$2 == "b" { print $1 }')" "$(stat -c %i "$COLD/a")" "as listed"

say "what is written by one name is read by the others at once, also where it was read before"
exec 5<"$COLD/a" 6<>"$COLD/b"
assert_eq "$(cat <&5)" one
echo two >&6
echo more >&6
assert_eq "$(head -c 3 "$COLD/dir/c")" two
assert_eq "$(stat -L -c %s /proc/self/fd/5)" 9
assert_eq "$(cat <&5)" more
exec 5<&- 6>&-
for name in a b dir/c a b; do
	echo "by $name" >>"$COLD/$name"
done
assert_eq "$(cat "$COLD/dir/c")" $'two\nmore\nby a\nby b\nby dir/c\nby a\nby b'
cmp "$COLD/a" "$SERVER/b"

say "locks of one exclude those of the other"
exec 9>>"$COLD/a"
flock -n 9
assert_fails flock -n "$COLD/b" true
exec 9>&-
flock -n "$COLD/b" true

say "names come and go"
mv "$COLD/b" "$COLD/dir/b"
same 3 a dir/b dir/c
python3 -c 'import os, sys; os.rename(*sys.argv[1:])' "$COLD/dir/c" "$COLD/a" # two names of one file: nothing happens
same 3 a dir/b dir/c
rm "$COLD/dir/c"
same 2 a dir/b
echo other >"$COLD/other"
mv "$COLD/other" "$COLD/a"
assert_content "$COLD/a" other
same 1 a
same 1 dir/b
assert_ne "$(stat -c %i "$COLD/a")" "$(stat -c %i "$COLD/dir/b")"
assert_eq "$(tail -n 1 "$COLD/dir/b")" 'by b'
mv "$COLD/dir" "$COLD/moved"
ln "$COLD/moved/b" "$COLD/b"
same 2 b moved/b
exec 5>>"$COLD/b"
rm "$COLD/b"
echo last >&5
same 1 moved/b
assert_eq "$(tail -n 1 "$COLD/moved/b")" last
exec 5>&-
rm -r "$COLD/moved"
assert_missing "$SERVER/moved"
rm "$COLD/a"

say "a directory from which one of the names of an open file was removed can be removed"
mkdir "$COLD/dir"
echo kept >"$COLD/dir/a"
ln "$COLD/dir/a" "$COLD/b"
exec 5>>"$COLD/dir/a"
rm "$COLD/dir/a"
rmdir "$COLD/dir"
echo on >&5
exec 5>&-
assert_eq "$(cat "$COLD/b")" $'kept\non'

say "what another client has put in the place of one name is another file, and the other name's is as it was"
ln "$COLD/b" "$COLD/a"
cp "$SERVER/b" "$WORK/former"
exec 5>>"$COLD/a"
echo 'of somebody else' >"$SERVER/new"
mv "$SERVER/new" "$SERVER/a"
wait_value 5000 cat "$COLD/a" == 'of somebody else'
cmp "$COLD/b" "$WORK/former"
assert_ne "$(stat -c %i "$COLD/a")" "$(stat -c %i "$COLD/b")"
same 1 a
same 1 b
echo still >&5
exec 5>&-
assert_eq "$(tail -n 1 "$SERVER/b")" still
assert_content "$SERVER/a" 'of somebody else'
ln "$COLD/b" "$COLD/c"
stat "$COLD/b" "$COLD/c" >/dev/null
rm "$SERVER/b"
wait_until 5000 not test -e "$COLD/b"
same 1 c
assert_eq "$(tail -n 1 "$COLD/c")" still

say "a listing does not put one in the place of the other, whichever comes first in it"
mkdir "$COLD/pairs"
for i in 1 2 3 4; do
	echo kept >"$COLD/pairs/kept-$i"
	ln "$COLD/pairs/kept-$i" "$COLD/pairs/$i"
done
inodes()
{
	stat -c '%n %i' "$COLD"/pairs/kept-*
}
numbers=$(inodes)
for i in 1 2 3 4; do
	echo 'of somebody else' >"$SERVER/new"
	mv "$SERVER/new" "$SERVER/pairs/$i"
done
listed_sizes()
{
	find "$COLD/pairs" -name '[1-4]' -printf '%s '
}
wait_value 5000 listed_sizes == '17 17 17 17 '
assert_eq "$(inodes)" "$numbers"
rm -r "$COLD/pairs"

say "nor does a look at the name by which it is being written, when the other one was replaced"
echo kept >"$COLD/one"
ln "$COLD/one" "$COLD/two"
number=$(stat -c %i "$COLD/one")
# Over sshfs a file that can be read tells which it is.
if [[ ${TYPE:-sshfs} == sftp ]]; then exec 5>>"$COLD/one"; else exec 5<>"$COLD/one"; fi
echo more, and more >&5
echo 'of somebody else' >"$SERVER/new"
mv "$SERVER/new" "$SERVER/two"
wait_until 5000 grep -q 'and more' "$SERVER/one"
touch -d @1000 "$SERVER/one" # as if it was written some seconds ago
is_as_old()
{
	[[ $(stat -c %Y "$COLD/one") == 1000 ]]
}
wait_until 5000 is_as_old
assert_eq "$(stat -c %i "$COLD/one")" "$number"
wait_value 5000 cat "$COLD/two" == 'of somebody else'
assert_ne "$(stat -c %i "$COLD/two")" "$number"
assert_eq "$(stat -c %i "$COLD/one")" "$number"
exec 5>&-
assert_content "$SERVER/two" 'of somebody else'
rm "$COLD/one" "$COLD/two"

say "what another client writes into the file does not part them"
ln "$COLD/c" "$COLD/b"
echo 'by another client' >>"$SERVER/c"
wait_until 5000 grep -q 'by another client' "$COLD/b"
same 2 b c
rm "$COLD/a" "$COLD/b" "$COLD/c"

say "tar and rsync -H keep them"
mkdir -p "$WORK/tree/sub"
for i in 1 2 3 4 5 6; do
	echo "file $i" >"$WORK/tree/$i"
	ln "$WORK/tree/$i" "$WORK/tree/sub/$i"
done
ln "$WORK/tree/1" "$WORK/tree/again"
# groups DIRECTORY: which of its names are one file.
groups()
{
	(cd "$1" && find . -type f -printf '%i %n %p\n' | sort -k3 | awk '{ if (!($1 in of)) of[$1] = ++n; print of[$1], $2, $3 }')
}
mkdir "$COLD/tar" "$WORK/back-tar" "$WORK/back-rsync"
tar -C "$WORK/tree" -cf - . | tar -C "$COLD/tar" -xf -
rsync -aH "$WORK/tree/" "$COLD/rsync/"
for how in tar rsync; do
	assert_eq "$(groups "$COLD/$how")" "$(groups "$WORK/tree")" "$how"
	assert_eq "$(groups "$SERVER/$how")" "$(groups "$WORK/tree")" "$how, on the server"
	tar -C "$COLD/$how" -cf - . | tar -C "$WORK/back-$how" -xf -
	assert_eq "$(groups "$WORK/back-$how")" "$(groups "$WORK/tree")" "$how, and back"
	rsync -aH "$COLD/$how/" "$WORK/again-$how/"
	assert_eq "$(groups "$WORK/again-$how")" "$(groups "$WORK/tree")" "$how, and back by rsync"
done
assert_eq "$(rsync -aHi "$WORK/tree/" "$COLD/rsync/" | grep -v '^\.')" '' "what another rsync does"
