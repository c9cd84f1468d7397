# A directory from which an open file was removed can be removed, too, over sshfs as anywhere else: rm -rf ends well, nothing of the file
# is seen, who has it open goes on reading and writing it, and when it is closed nothing is left on the server.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$WORK/bare"
start_guardfs
wait_healthy
raw_begin

# hidden DIRECTORY: names that sshfs has given, on the server.
hidden()
{
	find "$1" -name '.fuse_hidden*'
}

grow()
{
	mkdir -p "$1/tree/deep/deeper"
	for name in a b deep/c deep/deeper/d deep/deeper/e; do
		echo "text of $name" >"$1/tree/$name"
	done
}

say "sshfs alone"
grow "$RAW/jobs"
hold alone read "$RAW/jobs/tree/deep/deeper/d"
assert_exit 1 'Directory not empty' rm -rf "$RAW/jobs/tree"
let_go alone
rm -rf "$RAW/jobs/tree"
raw_end

for place in "$WORK/bare" "$COLD"; do
	say "rm -rf of a tree in which files are open: $place"
	grow "$place"
	hold reader read "$place/tree/deep/deeper/d"
	hold writer append "$place/tree/deep/c"
	exec 7<>"$place/tree/a"
	rm -rf "$place/tree"
	assert_eq "$(ls -A "$place")" '' "what is listed"
	assert_op ENOENT 0 1000 stat "$place/tree"
	assert_held OK 0 1000 reader read
	assert_held OK 0 1000 writer append more
	assert_held OK 0 1000 writer fsync
	assert_held OK 0 1000 writer stat
	assert_eq "$(cat <&7)" 'text of a' "the file held open"
	printf longer >&7
	assert_eq "$(stat -L -c %s /proc/self/fd/7)" 16 "its size"
	say "the same names again, while they are open"
	grow "$place"
	assert_content "$place/tree/a" 'text of a'
	rm -rf "$place/tree"
	let_go reader
	let_go writer
	exec 7>&-
	assert_eq "$(ls -A "$place")" '' "what is listed, afterwards"
done
wait_value 5000 hidden "$WORK/box/data" == ""
assert_eq "$(ls -A "$SERVER")" '' "left on the server"

say "a file replaced while it is open, and what else is there stays a reason not to"
mkdir "$COLD/dir"
echo old >"$COLD/dir/file"
exec 7<"$COLD/dir/file"
echo new >"$COLD/dir/new"
mv "$COLD/dir/new" "$COLD/dir/file"
assert_op ENOTEMPTY 0 1000 rmdir "$COLD/dir"
assert_eq "$(ls -A "$COLD/dir")" file "what is listed"
rm "$COLD/dir/file"
rmdir "$COLD/dir"
assert_eq "$(cat <&7)" old "the file that was replaced"
exec 7<&-
wait_value 5000 hidden "$WORK/box/data" == ""

say "in a row, closed at the last moment"
for ((i = 0; i < 60; i++)); do
	mkdir "$COLD/row"
	echo x >"$COLD/row/file"
	rm "$COLD/row/file"
	rmdir "$COLD/row" || fail "round $i: $(ls -A "$SERVER/row")"
done

say "three rm -rf of one tree at once"
for round in 1 2 3; do
	mkdir "$COLD/three"
	for i in 0 1 2 3 4; do
		mkdir -p "$COLD/three/$i/"{0,1,2,3}
		touch "$COLD/three/$i/"{0,1,2,3}/{a,b,c}
	done
	for k in 1 2 3; do
		rm -rf "$COLD/three" 2>"$WORK/said.$k" &
		pids[k]=$!
	done
	for k in 1 2 3; do
		wait "${pids[k]}" || fail "rm -rf $k: $(cat "$WORK/said.$k")"
	done
	assert_missing "$SERVER/three"
done
assert_eq "$(backend_field box counters.errors)" 0 "errors counted"
