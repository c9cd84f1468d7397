# The fault filter: delays, hangs and errors on command; a hang is answered at its deadline, an error passes through.
. "$REPO/tests/lib/lib.sh"

setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store
echo hello >"$COLD/file"

fault 'mkdir error EDQUOT'
assert_op EDQUOT 0 100 mkdir "$COLD/dir"
fault 'mkdir error ENOSPC'
assert_op ENOSPC 0 100 mkdir "$COLD/dir"
fault 'lookup delay 200 path=slow'
assert_op ENOENT 200 $((DEADLINE_METADATA + SLACK)) stat "$COLD/slow"
assert_op ENOENT 0 150 stat "$COLD/other"

say "an operation hangs: its caller is answered; the others are not concerned as long as something completes"
fault 'lookup hang path=stuck'
assert_op EIO $((DEADLINE_METADATA - 20)) $((DEADLINE_METADATA + SLACK)) stat "$COLD/stuck"
fault ''
wait_healthy store

say "infrastructure errors are EIO, whatever they were"
for errno in ENOTCONN ECONNABORTED EHOSTUNREACH ESTALE; do
	fault "lookup error $errno path=broken count=1"
	assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/broken"
	fault ''
	wait_healthy store
done
assert_content "$COLD/file" hello

say "a listing whose attributes would take longer than its caller waits comes without them"
for i in $(seq 40); do
	: >"$SERVER/entry-$i"
done
fault 'lookup delay 60 path=entry-*'
assert_op OK 0 $((DEADLINE_METADATA + SLACK)) readdir "$COLD"
fault ''

say "a directory is synced where storage can do that"
sync_directory()
{
	python3 -c 'import os, sys; os.fsync(os.open(sys.argv[1], os.O_RDONLY))' "$COLD"
}
sync_directory
fault 'fsync error EDQUOT'
assert_exit 1 'EDQUOT|Disk quota exceeded' sync_directory
