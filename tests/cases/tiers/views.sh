# Several views of one directory over what happens to them: an outage, a reconnect, the worker's death, a route that is given
# another target, one whose target is not there yet.
# limit: 90
# long: outages, a reconnect and deaths of the worker, each seen through all views
. "$REPO/tests/lib/lib.sh"

box_start box
SERVER=$WORK/box/data/jobs/cold COLD=$MNT/cold
mkdir -p "$SERVER/dir" "$WORK/box/data/jobs/other"
echo other >"$WORK/box/data/jobs/other/file"
conf_begin
conf_box box
conf_tier box/jobs/cold cold box/jobs jobs box/jobs/later later
start_guardfs
wait_healthy
TREE=$MNT/.guardfs/backends/box/jobs
nested=$MNT/jobs/cold

# views PATH: the file through each of the three.
views()
{
	printf '%s\n' "$COLD/$1" "$nested/$1" "$TREE/cold/$1"
}

# assert_one PATH TEXT
assert_one()
{
	local path

	for path in $(views "$1"); do
		assert_content "$path" "$2"
	done
	assert_eq "$(views "$1" | xargs stat -c %i | sort -u | wc -l)" 1 "inode numbers of $1"
}

say "held open through two of them over the death of workers and a reconnect"
echo a >"$COLD/log"
hold one append "$COLD/log"
hold two append "$TREE/cold/log"
hold reader read "$nested/log"
assert_held OK 0 1000 one write
kill -9 "$(process_pid worker)"
assert_held OK 0 8000 two write
kill -9 "$(sshfs_pid)"
assert_held OK 0 8000 one write
wait_healthy
kill -9 "$(process_pid worker)"
assert_held OK 0 8000 two write
assert_held OK 0 8000 two fsync
assert_held OK 0 8000 reader read
assert_content "$SERVER/log" "$(cat "$nested/log")"
assert_eq "$(grep -o 'written by timed' "$SERVER/log" | wc -l)" 4 "what was written through both"
assert_eq "$(status '.counters.poisoned')" 0
for name in one two reader; do
	let_go $name
done

say "while the backend is down, each keeps its working directories, and its names"
(cd "$COLD/dir" && exec sleep 60) & # sleep-ok: somebody who stays there
echo $! >"$WORK/in-cold.pid"
(cd "$TREE/cold/dir" && exec sleep 60) & # sleep-ok: as above
echo $! >"$WORK/in-tree.pid"
wait_value 5000 readlink "/proc/$(cat "$WORK/in-cold.pid")/cwd" == "$COLD/dir"
wait_value 5000 readlink "/proc/$(cat "$WORK/in-tree.pid")/cwd" == "$TREE/cold/dir"
box_kill
wait_until 5000 backend_is box down recovering
for path in $(views dir); do
	assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$path"
done
assert_eq "$(ls "$MNT/.guardfs/backends")" box
assert_eq "$(readlink "/proc/$(cat "$WORK/in-cold.pid")/cwd")" "$COLD/dir"
assert_eq "$(readlink "/proc/$(cat "$WORK/in-tree.pid")/cwd")" "$TREE/cold/dir"
box_restart
wait_healthy
touch "/proc/$(cat "$WORK/in-cold.pid")/cwd/made"
assert_one dir/made ''
kill "$(cat "$WORK/in-cold.pid")" "$(cat "$WORK/in-tree.pid")"
rm "$WORK"/in-*.pid

say "a route whose target is made by way of another"
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$MNT/later"
mkdir "$TREE/later"
echo late >"$MNT/jobs/later/file"
assert_content "$MNT/later/file" late
mv "$TREE/later" "$TREE/moved"
# What is below a route's root the kernel may take for there for up to a second, the root itself for 20 ms.
wait_value 2000 "$TOOLS/timed" stat "$MNT/later/file" == 'EIO*'
assert_content "$MNT/jobs/moved/file" late
mv "$MNT/jobs/other" "$MNT/jobs/later"
wait_value 2000 cat "$MNT/later/file" == other

say "a route that is given another target shows that, and nothing else does"
echo "$WORK/cold/box/jobs/moved $MNT/cold" >"$WORK/manifest.new"
echo "$WORK/cold/box/jobs $MNT/jobs" >>"$WORK/manifest.new"
mv "$WORK/manifest.new" "$WORK/manifest"
wait_value 5000 route_field cold target == jobs/moved
wait_value 5000 cat "$COLD/file" == late
assert_missing "$COLD/log"
echo changed >"$COLD/file"
assert_content "$TREE/moved/file" changed
assert_content "$nested/log" "$(cat "$SERVER/log")"
