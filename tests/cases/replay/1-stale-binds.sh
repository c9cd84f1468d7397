# Failure mode 1, 2026-01-08, stale binds: sshfs died and its base was mounted again, the bind mounts of the hot paths kept the dead
# superblock: base fine, hot paths ENOTCONN for 14 hours. guardfs: one mount that survives its backend; what is inside goes on.
# limit: 120
# long: two arrangements, each with an outage of its own, guardfs with two
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"

setup_one_box
mkdir "$SERVER/dir"
echo hello >"$SERVER/dir/file"

say "the old set-up: sshfs dies, its unit mounts it again"
old_mount
echo "$OLD_BASE/jobs/cold $OLD_JOBS/hot" >"$WORK/old-manifest"
old_apply "$WORK/old-manifest"
assert_content "$OLD_JOBS/hot/dir/file" hello
old_kill
assert_eq "$(old_probe "$OLD_JOBS/hot")" '0 107' "the hot path"
old_unmount
old_mount

say "the base is fine, the hot path is dead, and stays so"
old_base_is_fine || fail "the base should be fine"
assert_content "$OLD_BASE/jobs/cold/dir/file" hello
assert_eq "$(old_probe "$OLD_JOBS/hot")" '0 107' "the hot path"
say "the applier, as it was written, cannot repair it: it takes the dead bind for no mountpoint, and install fails on it"
wait_until 5000 not mountpoint -q "$OLD_JOBS/hot" # it looks at cached attributes for a second
assert_exit 1 'Transport endpoint is not connected|File exists' install -d -m 0755 "$OLD_JOBS/hot"
assert_exit 1 '' old_apply "$WORK/old-manifest"
assert_eq "$(old_probe "$OLD_JOBS/hot")" '0 107' "the hot path after the applier"
old_end

say "guardfs: a process with its working directory inside, a bind of the hot path elsewhere"
start_guardfs
wait_healthy
mkdir "$WORK/bound"
mount --bind "$COLD" "$WORK/bound"
mount_id()
{
	findmnt -n -o ID,SOURCE "$MNT"
}
mount=$(mount_id)
# Says for each line that it gets what it reads, below its working directory.
coproc INSIDE {
	cd "$COLD/dir"
	while read -r _; do
		echo "$(cat file 2>&1) $(pwd -P)"
	done
}
inside()
{
	local answer

	echo go >&"${INSIDE[1]}"
	read -r -t 10 -u "${INSIDE[0]}" answer
	echo "$answer"
}
assert_eq "$(inside)" "hello $COLD/dir" "from inside"

say "its sshfs dies while the server refuses: EIO, never ENOTCONN, and no mount is lost"
epoch=$(backend_field box epoch)
box_kill
wait_down
sleep 1 # sleep-ok: what the kernel has cached is over
assert_eq "$(old_probe "$COLD"{,,,,,,,,,} "$COLD"/dir{,,,,,,,,,} "$WORK"/bound/dir{,,,,,,,,,} | sort | uniq -c | tr -s ' ')" ' 30 0 5' \
	"probes while down"
assert_match "$(inside)" "Input/output error .*$COLD/dir\$" "from inside while down"

say "the server is back: everything goes on, and nobody did anything"
box_restart
wait_healthy
assert_ge "$(backend_field box epoch)" $((epoch + 1)) "epoch"
assert_eq "$(old_probe "$COLD")" '1 -1' "the hot path"
assert_content "$COLD/dir/file" hello
assert_content "$WORK/bound/dir/file" hello
assert_eq "$(inside)" "hello $COLD/dir" "from inside"
assert_eq "$(mount_id)" "$mount" "the mount"
echo more >"$WORK/bound/dir/more"
assert_content "$SERVER/dir/more" more

say "and again, now with sshfs killed under a server that is fine"
kill -KILL "$(sshfs_pid)"
wait_value 10000 backend_field box epoch -gt $((epoch + 1))
wait_healthy
assert_eq "$(inside)" "hello $COLD/dir" "from inside"
assert_content "$WORK/bound/dir/file" hello
exec {INSIDE[1]}>&-
wait "${INSIDE_PID:-}" || true # bash forgets it when it is gone
umount "$WORK/bound"
