# A file's attributes shortly after it was read, when memory may answer for storage: its blocks, by which tar finds holes, and where storage
# has them its links and time of change.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

start_with_box_and_dir

# attributes FILE|DESCRIPTOR: all are asked for.
attributes()
{
	python3 -c 'import os, sys
file = sys.argv[1]
st = os.stat(int(file) if file.isdigit() else file)
print(st.st_size, st.st_mtime, st.st_ctime, st.st_nlink)' "$1"
}

say "content is archived as it is"
head -c 10000 /dev/urandom >"$SERVER/file"
exec 5<"$COLD/file"
cat <&5 >/dev/null
tar -cSf "$WORK/tar" -C "$COLD" file
tar -xOf "$WORK/tar" | cmp - "$SERVER/file"
cat "$COLD/file" >/dev/null
assert_ne "$(du -k "$COLD/file" | cut -f 1)" 0 "KiB"

say "a removed file has no links, where that can be told"
rm "$COLD/file"
if [[ ${TYPE:-sshfs} == sftp ]]; then
	assert_eq "$(attributes 5 | cut -d ' ' -f 4)" 0 "links"
fi

say "a directory's files are as they are"
store=$WORK/store/dir
head -c 10000 /dev/urandom >"$store/file"
touch -d @1000 "$store/file"
exec 5<"$MNT/dir/file"
cat <&5 >/dev/null
assert_eq "$(attributes "$MNT/dir/file")" "$(attributes "$store/file")" "read"
ln "$MNT/dir/file" "$MNT/dir/link"
cat "$MNT/dir/file" >/dev/null
rm "$MNT/dir/link"
assert_eq "$(attributes "$MNT/dir/file")" "$(attributes "$store/file")" "one name less"
mv "$MNT/dir/file" "$MNT/dir/moved"
cat "$MNT/dir/moved" >/dev/null
rm "$MNT/dir/moved"
assert_eq "$(attributes 5 | cut -d ' ' -f 4)" 0 "links"
