# Where storage has inode numbers that last, an open file whose name has gone to another file during an outage is lost: nothing
# that was meant for it reaches the other one.
. "$REPO/tests/lib/lib.sh"

setup_dir
echo mine >"$SERVER/file"
start_guardfs
wait_healthy store
hold writer append "$COLD/file"
assert_held OK 0 1000 writer append more
hold unconcerned append "$COLD/unconcerned"
assert_held OK 0 1000 unconcerned append one

epoch=$(backend_field store epoch)
echo 'of somebody else, and longer than the first' >"$WORK/other"
cp "$WORK/other" "$SERVER/other"
mv "$SERVER/other" "$SERVER/file"
ctl reconnect store >/dev/null
wait_value 10000 backend_field store epoch -gt "$epoch"
wait_healthy store
assert_held EIO 0 1000 writer append lost
assert_held EIO 0 1000 writer truncate
assert_held EIO 0 1000 writer fsync
cmp "$WORK/other" "$SERVER/file"
cmp "$WORK/other" "$COLD/file"
assert_held OK 0 1000 unconcerned append two
assert_content "$SERVER/unconcerned" onetwo
let_go writer
let_go unconcerned
