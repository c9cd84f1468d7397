# A file system mounted within the local tier, or a dir backend, can be unmounted a second after it was last used through guardfs, as with
# a bind mount of the directory: nothing of it is kept open that nobody has open. Files in it are the same files all the while: by other
# names, after renames, by descriptors and working directories, and after the worker was killed.
. "$REPO/tests/lib/lib.sh"

setup_dir
mkdir -p "$LOCAL" "$WORK/peer" "$WORK/bound" "$SERVER/disk" "$LOCAL/disk" "$WORK/peer/disk"
start_guardfs
wait_healthy store
mount --bind "$WORK/peer" "$WORK/bound"
mount --make-shared "$WORK/bound"

# below SIDE: where its directory lies; seen SIDE: where it is looked at.
declare -A below=([local]=$LOCAL [dir]=$SERVER [peer]=$WORK/peer)
declare -A seen=([local]=$MNT [dir]=$COLD [peer]=$WORK/bound)

# insert SIDE: a file system with some files is mounted there.
insert()
{
	mount -t tmpfs "$1" "${below[$1]}/disk"
	mkdir -p "${below[$1]}/disk/a/deep" "${below[$1]}/disk/b"
	echo text >"${below[$1]}/disk/a/file"
	ln "${below[$1]}/disk/a/file" "${below[$1]}/disk/b/linked"
}

# can_unmount SIDE: within what a busy machine may take.
can_unmount()
{
	wait_until 3000 umount "${below[$1]}/disk"
}

for side in peer local dir; do
	say "$side: looked at, written to, and unmounted"
	insert $side
	disk=${seen[$side]}/disk
	[[ $side != peer ]] || mount --bind "$WORK/peer/disk" "$WORK/bound/disk"
	wait_until 3000 test -e "$disk/a/file"
	find "$disk" -exec stat {} + >/dev/null
	ls -lR "$disk" >/dev/null
	echo more >>"$disk/a/file"
	mv "$disk/a/file" "$disk/a/moved"
	assert_content "$disk/a/moved" "$(printf "text\nmore")"
	[[ $side != peer ]] || umount "$WORK/bound/disk"
	can_unmount $side
	wait_until 3000 test ! -e "$disk/a"
done
umount "$WORK/bound"

say "what is open keeps it busy, and goes on; so does a working directory, if not at its expense"
for side in local dir; do
	insert $side
	disk=${seen[$side]}/disk
	wait_until 3000 test -e "$disk/a/file"
	hold open read "$disk/a/file"
	cd "$disk/a/deep"
	# Three rounds of what closes unused descriptors.
	sleep 1.3 # sleep-ok: longer than descriptors are kept
	assert_fails umount "${below[$side]}/disk"
	assert_held OK 0 1000 open read
	touch here
	assert_eq "$(ls)" here "in the working directory"
	cd "$WORK"
	let_go open
	can_unmount $side
done

say "the local tier: the same object whatever it is called, at rest or not"
insert local
disk=$MNT/disk
at_rest()
{
	sleep 1.3 # sleep-ok: longer than descriptors are kept
}
cd "$disk/a/deep"
exec 7<"$disk/a" 6<"$disk/b/linked"
inode=$(stat -c %i "$disk/a/file")
at_rest
mv "$disk/a" "$disk/c"
mv "$disk/c/file" "$disk/c/other"
at_rest
assert_eq "$(stat -c %i "$disk/c/other")" "$inode" "inode of what was renamed"
assert_eq "$(stat -L -c %i /proc/self/fd/6)" "$inode" "inode of the open file"
touch inside
assert_eq "$(ls "$disk/c/deep")" inside "what was made in the working directory"
rm "$disk/c/other"
at_rest
assert_content "$disk/b/linked" text
assert_eq "$(cat <&6)" text "the open file"
assert_eq "$(ls /proc/self/fd/7/)" deep "what the open directory lists"
kill -9 "$(process_pid worker)"
assert_content "$disk/b/linked" text
at_rest
touch again
assert_eq "$(ls "$disk/c/deep" | xargs)" 'again inside' "in the working directory, after the worker's death"
rm "$disk/b/linked"
assert_eq "$(stat -L -c '%i %h' /proc/self/fd/6)" "$inode 0" "the open file without a name"
cd "$WORK"
exec 7<&- 6<&-
can_unmount local

say "another file system in the same place is another"
insert local
echo first >"$disk/file"
at_rest
umount "$LOCAL/disk"
mount -t tmpfs second "$LOCAL/disk"
echo second >"$LOCAL/disk/file"
wait_value 3000 cat "$disk/file" == second
can_unmount local
