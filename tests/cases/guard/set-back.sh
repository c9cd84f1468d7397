# Who has a file open to read it goes on after a reconnect although its time was set back meanwhile, here or by another client, as tar and
# cp -p do. Where nobody was seen to do that, the server has lost something, and a reader is told.
# types: sshfs sftp
# limit: 120
# long: a reconnect, and looks that wait for the cache times
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy

for name in here there lost; do
	echo content >"$SERVER/$name"
	hold "$name" read "$COLD/$name"
done

is_as_old()
{
	[[ $(stat -c %Y "$COLD/$1") == 1000 ]]
}

touch -d @1000 "$COLD/here" "$SERVER/there"
wait_until 10000 is_as_old there
pid=$(sshfs_pid)
kill -9 "$pid"
wait_until 10000 is_gone "$pid"
touch -d @1000 "$SERVER/lost"
wait_healthy
wait_until 10000 is_as_old lost
assert_held OK 0 5000 here read
assert_held OK 0 5000 there read
assert_held EIO 0 5000 lost read
for name in here there lost; do
	let_go "$name"
	assert_content "$COLD/$name" content
done
