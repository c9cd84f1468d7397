# sshfs unmounted behind guardfs's back: nothing is ever written to the directory underneath, and it recovers.
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
assert_content "$COLD/file" hello

in_keeper()
{
	nsenter -t "$(process_pid keeper)" -m "$@"
}

sshfs_mounts()
{
	in_keeper findmnt -n -t fuse.sshfs -o TARGET | sed 's/^[^/]*//'
}

# What a caller sees meanwhile may be EIO or success (the detached mount lives on as long as somebody holds it); but a
# success must be on the server.
write_some()
{
	local i

	for i in 1 2 3 4 5 6 7 8 9 10; do
		if echo "data $1 $i" 2>/dev/null >"$COLD/probe-$1-$i"; then
			assert_content "$SERVER/probe-$1-$i" "data $1 $i"
		fi
		sleep 0.1 # sleep-ok: spread over the time in which the loss is noticed
	done
}

for how in 'umount -l' 'fusermount3 -uz'; do
	say "$how"
	stop_guardfs
	start_guardfs
	wait_healthy
	point=$(sshfs_mounts)
	assert_match "$point" '^/' "mountpoint of sshfs"
	in_keeper $how "$point"
	write_some "${how%% *}"
	wait_healthy
	assert_content "$COLD/file" hello
	# The directory below the mountpoint, looked at from a place where nothing is mounted on it.
	in_keeper unshare -m bash -c "umount -l '$point' 2>/dev/null; ls -A '$point'" >"$WORK/beneath" 2>/dev/null || true
	assert_eq "$(cat "$WORK/beneath")" '' "written underneath"
done
assert_no_trace "$RUN" 'probe-*'
assert_no_trace "$LOCAL" 'probe-*'
assert_no_trace "$STATE" 'probe-*'
