# alone
# The server answers nothing any more: every kind of call gets EIO by its deadline, never later, never anything else.
. "$REPO/tests/lib/lib.sh"

setup_one_box
for i in 1 2 3 4 5 6; do
	echo "content $i" >"$SERVER/file$i"
done
mkdir "$SERVER/dir"
start_guardfs
wait_healthy
hold reader read "$COLD/file5"
hold writer write "$COLD/file6"
assert_content "$COLD/file1" 'content 1'

box_freeze
metadata=$((DEADLINE_METADATA + SLACK))
say "all at the same moment, so that each has to wait by itself"
calls=("stat $COLD/new" "open $COLD/file2" "readdir $COLD/dir" "mkdir $COLD/made" "unlink $COLD/file3" "create $COLD/created"
	"rename $COLD/file4 $COLD/file4b")
for i in "${!calls[@]}"; do
	assert_op EIO 0 "$metadata" ${calls[i]} &
	pids[i]=$!
done
assert_held EIO 0 $((DEADLINE_READ + SLACK)) reader read &
pids+=($!)
assert_held EIO $((DEADLINE_WRITE / 2)) $((DEADLINE_WRITE + SLACK)) writer write 3 &
pids+=($!)
for pid in "${pids[@]}"; do
	wait "$pid" || fail "a call was not answered as it should"
done

say "still down: at once"
assert_op EIO 0 20 stat "$COLD/another"
assert_op EIO 0 20 readdir "$COLD"
box_thaw
wait_healthy
let_go reader
let_go writer
assert_content "$COLD/file1" 'content 1'
