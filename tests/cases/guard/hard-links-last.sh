# Hard links stay one file when the connection breaks, and when worker or the transport is killed; also after one of the names was removed.
# limit: 120
# long: two cuts and two deaths, and the logins after them
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

PATIENCE=$((30000 * SLOW))
DEADLINE_METADATA=$((25000 * SLOW)) DEADLINE_READ=$((25000 * SLOW)) DEADLINE_WRITE=60000 DEADLINE_SYNC=60000
setup_one_box
sed -i '/^\[recovery\]/a recoveries_per_hour = 0' "$CONF"
start_guardfs
wait_healthy

# same COUNT NAME...: they are one file, of so many links.
same()
{
	local count=$1 name first

	shift
	first=$(stat -c %i "$COLD/$1")
	for name in "$@"; do
		assert_eq "$(stat -c '%i %h' "$COLD/$name")" "$first $count" "$name"
	done
}

echo kept >"$COLD/b"
say "they stay one when the connection breaks, and when worker or the transport is killed"
ln "$COLD/b" "$COLD/a"
number=$(stat -c %i "$COLD/a")
# Not by our own descriptors: each program that inherits them and ends asks storage.
hold first append "$COLD/a"
hold second append "$COLD/b"
# append TEXT NAME...: by each of the holders.
append()
{
	local text=$1 name

	shift
	for name in "$@"; do
		assert_held OK 0 60000 "$name" append "$text,"
	done
}
for death in cut worker transport; do
	case $death in
	cut) box_cut box ;;
	worker) kill -9 "$(process_pid worker)" ;;
	transport) kill -9 "$(sshfs_pid)" ;;
	esac
	append "$death" first second
	same 2 a b
	assert_eq "$(stat -c %i "$COLD/b")" "$number" "$death"
	wait_healthy
done
rm "$COLD/a"
box_cut box
append end first
wait_healthy
let_go first
let_go second
assert_eq "$(cat "$COLD/b")" $'kept\ncut,cut,worker,worker,transport,transport,end,'
