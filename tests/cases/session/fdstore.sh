# The guardian itself is killed under a service manager with a descriptor store: the mount never disappears.
# types: sshfs sftp
# limit: 120
# long: five deaths of guardian, each with a start and a backend that has to become healthy
. "$REPO/tests/lib/lib.sh"

setup_one_box "expose = $WORK/exposed"
mkdir "$WORK/exposed"
echo hello >"$SERVER/file"
start_stored
mounted || fail "ready, but not mounted"
wait_healthy
mkdir "$MNT/work"
echo local >"$MNT/work/file"
device=$(stat -c %d "$MNT/work")
hold local read "$MNT/work/file"
hold reader read "$COLD/file"
hold log append "$COLD/log"
cd "$MNT/work"

for round in 1 2 3 4 5; do
	say "killed, round $round"
	guardian=$(process_pid guardian)
	ready=$(grep -c '^ready' "$WORK/store.out")
	kill -9 "$guardian"
	# A call made at once waits for the next guardian; it is not refused.
	read -r result us _ < <("$TOOLS/timed" stat "$MNT/none-$round")
	echo "first call: $result after $us us"
	assert_eq "$result" ENOENT "a call while there is no guardian"
	wait_value 10000 grep -c ^ready "$WORK/store.out" -gt "$ready"
	mounted || fail "not mounted any more"
	assert_eq "$(stat -c %d "$MNT/work")" "$device" "st_dev"
	assert_ne "$(process_pid guardian)" "$guardian" "pid of the guardian"
	assert_eq "$(findmnt -rn -o TARGET | grep -cx "$WORK/exposed")" 1 "mounts where the backend is exposed"
	wait_healthy
	assert_held OK 0 1000 local read
	assert_held OK 0 1000 reader read
	assert_held OK 0 1000 log append "$round,"
	assert_eq "$(pwd -P)" "$MNT/work" "working directory"
	assert_content ./file local
	assert_content "$COLD/file" hello
done
cat "$WORK/store.out"
assert_eq "$(grep -c '^started' "$WORK/store.out")" 6 "starts"
assert_eq "$(grep -c '^stored' "$WORK/store.out")" 4 "descriptors stored"
cd /
for name in local reader log; do
	let_go "$name"
done
assert_eq "$(cat "$SERVER/log")" 1,2,3,4,5, "the log on the server"

say "and it ends as asked, with the store emptied"
kill -TERM "$store"
wait_until 10000 is_gone "$store"
! mounted || fail "still mounted"
! mountpoint -q "$WORK/exposed" || fail "the bind mount was left behind"
