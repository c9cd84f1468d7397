# alone
# The server answers nothing any more: every kind of call gets EIO by its deadline, never later, never anything else.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
# A directory each: the kernel lets one change of a directory wait for the other, and guardfs would see the second late.
for i in 1 2 3 4 5 6 7 8; do
	mkdir "$SERVER/$i"
	echo "content $i" >"$SERVER/$i/file"
done
mkdir "$SERVER/4/dir"
start_guardfs
wait_healthy
hold reader read "$COLD/1/file"
hold writer write "$COLD/2/file"
ls "$COLD"/* >/dev/null
# A listing of SFTP answers for names that it has not, for a second.
sleep 1.2 # sleep-ok: it must be older

box_freeze
metadata=$((DEADLINE_METADATA + SLACK))
say "all at the same moment, so that each has to wait by itself"
calls=("stat $COLD/1/new" "open $COLD/3/new" "readdir $COLD/4/dir" "mkdir $COLD/5/made" "unlink $COLD/6/file" "create $COLD/7/created"
	"rename $COLD/8/file $COLD/8/moved")
for i in "${!calls[@]}"; do
	assert_op EIO 0 "$metadata" ${calls[i]} &
	pids[i]=$!
done
assert_held EIO 0 $((DEADLINE_READ + SLACK)) reader read &
pids+=($!)
assert_held EIO $((DEADLINE_WRITE / 2)) $((DEADLINE_WRITE + SLACK)) writer write 3 &
pids+=($!)
failed=0
for pid in "${pids[@]}"; do
	wait "$pid" || failed=1
done
((failed == 0)) || fail "a call was not answered as it should"

say "still down: at once"
assert_op EIO 0 20 stat "$COLD/another"
assert_op EIO 0 20 readdir "$COLD"
box_thaw
wait_healthy
let_go reader
let_go writer
assert_content "$COLD/1/file" 'content 1'

say "changes of one directory, which the kernel lets wait for one another: not a deadline each"
ls "$COLD/5" >/dev/null
box_freeze
pids=()
for i in 1 2 3 4 5 6; do
	assert_op EIO 0 $((2 * DEADLINE_METADATA + SLACK)) mkdir "$COLD/5/dir-$i" &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid" || failed=1
done
((failed == 0)) || fail "a call was not answered as it should"
