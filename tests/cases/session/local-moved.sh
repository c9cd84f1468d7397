# The local tier's directory is renamed beneath a running guardfs: workers to come, and a guardian to come, go on with the one that was
# mounted, and a cold tier does not depend on the name.
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
mkdir "$MNT/dir"
echo local >"$MNT/dir/file"
hold reader read "$MNT/dir/file"

mv "$LOCAL" "$LOCAL.aside"
old=$(process_pid worker)
kill -9 "$old"
assert_op OK 0 1000 stat "$MNT/dir/file"
assert_ne "$(process_pid worker)" "$old" "pid of the worker"
assert_content "$MNT/dir/file" local
assert_content "$COLD/file" hello
assert_held OK 0 1000 reader read
echo more >"$MNT/dir/more"
assert_content "$LOCAL.aside/dir/more" more

say "and a guardian that takes over from the worker"
kill -9 "$GUARDIAN"
mkdir "$LOCAL"
start_guardfs
wait_healthy
assert_content "$MNT/dir/more" more
assert_held OK 0 1000 reader read
let_go reader
