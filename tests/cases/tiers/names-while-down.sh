# While a route is down its names live on for those who stand on them: getcwd, bind mounts, mounts below; stat says EIO.
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$SERVER/dir/sub" "$WORK/bind"
echo hello >"$SERVER/dir/file"
echo hello >"$SERVER/dir/sub/file"
start_guardfs
wait_healthy
mount --bind "$COLD/dir" "$WORK/bind"
mount -t tmpfs below "$COLD/dir/sub"
echo below >"$COLD/dir/sub/marker"
cd "$COLD/dir"

for how in freeze kill; do
	say "$how"
	"box_$how"
	assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/new-$how"
	wait_down
	# Longer than any name may be cached.
	for ((i = 0; i < 15; i++)); do
		"$TOOLS/timed" stat "$COLD/dir" >>"$WORK/stats"
		assert_eq "$("$TOOLS/timed" getcwd . | cut -d' ' -f1)" OK "getcwd"
		sleep 0.1 # sleep-ok: longer than any name may be cached
	done
	assert_op EIO 0 50 stat "$COLD"
	assert_op EIO 0 50 stat "$COLD/dir"
	assert_op EIO 0 50 stat "$COLD/dir/never-seen"
	assert_op EIO 0 50 readdir "$COLD/dir"
	assert_eq "$(ls -f "$MNT" | grep -x cold)" cold "the route's root in its parent's listing"
	grep -q "$WORK/bind .*fuse.guardfs" /proc/self/mountinfo || fail "the bind mount is gone"
	! grep -q "deleted" /proc/self/mountinfo || fail "a mount shows as deleted"
	grep -q "$COLD/dir/sub .*tmpfs" /proc/self/mountinfo || fail "the mount below was detached"
	if [[ $how == freeze ]]; then
		box_thaw
	else
		box_restart
	fi
	wait_healthy
	assert_eq "$(pwd -P)" "$COLD/dir" "working directory"
	wait_until 3000 test -d sub
	assert_content "$WORK/bind/file" hello
	assert_content "$COLD/dir/sub/marker" below
done
cd /
umount "$COLD/dir/sub"
umount "$WORK/bind"
assert_content "$COLD/dir/sub/file" hello
