# type = dir over a FUSE mount that somebody else manages: when it hangs, callers are answered, stuck threads are freed
# through fusectl, and what is mounted there anew is taken up.
. "$REPO/tests/lib/lib.sh"

box_start box
mkdir -p "$WORK/box/data/cold" "$WORK/store"
echo hello >"$WORK/box/data/cold/file"

raw_mount()
{
	sshfs -p 2222 -o IdentityFile="$WORK/box/user_key",UserKnownHostsFile="$WORK/box/known_hosts",BatchMode=yes \
		-o allow_other root@127.0.0.1: "$WORK/store"
}

raw_mount
setup_dir
start_guardfs
wait_healthy store
assert_content "$COLD/file" hello
box_freeze
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/new"
wait_down store
say "no thread of the worker stays stuck"

stuck_threads()
{
	local task n=0

	for task in /proc/"$(process_pid worker)"/task/*; do
		[[ $(sed 's/.*) \(.\).*/\1/' "$task/stat" 2>/dev/null) == D ]] && n=$((n + 1))
	done
	echo "$n"
}

wait_value 10000 stuck_threads -eq 0
box_thaw
umount -l "$WORK/store"
raw_mount
wait_healthy store
assert_content "$COLD/file" hello
stop_guardfs
umount "$WORK/store"
