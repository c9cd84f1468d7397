# Guardian, worker and keeper killed at once while sshfs stands still, with files open on it. Closing such a file waits for sshfs: that is
# left to the holder of the descriptors, and guardian's process ends at once. Its successor serves, recovers, and leaves nothing behind.
# limit: 180
# long: four deaths of all three, each with a hung sshfs or server that has to be noticed and replaced
. "$REPO/tests/lib/lib.sh"

PATIENCE=1000
setup_one_box
echo hello >"$SERVER/file"
start_stored
wait_healthy
mkdir "$MNT/work"
echo local >"$MNT/work/file"
hold local read "$MNT/work/file"
hold reader read "$COLD/file"
hold log append "$COLD/log"

holder_of()
{
	local pid

	for pid in $(descendants_of "$1"); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != gfs-holder ]] || echo "$pid"
	done
}

# Of the session of sshfs.
ssh_of()
{
	local stat

	for stat in /proc/[0-9]*/stat; do
		sed -nE "s/^([0-9]+) \\(ssh\\) . [0-9]+ [0-9]+ $1 .*/\\1/p" "$stat" 2>/dev/null || :
	done
}

is_ready_again()
{
	(($(grep -c '^ready' "$WORK/store.out") > ready))
}

# A zombie of which nothing is left but its leader has no descriptors.
has_no_threads()
{
	is_gone "$1" && [[ ! -d /proc/$1 || $(ls "/proc/$1/task") == "$1" ]]
}

# At once, or guardian last, when nothing of worker has the descriptors any more.
kill_all()
{
	local worker keeper

	guardian=$(process_pid guardian) worker=$(process_pid worker) keeper=$(process_pid keeper) sshfs=$(sshfs_pid)
	holder=$(holder_of "$guardian")
	assert_match "$holder" '^[0-9]+$' "holder"
	case $1 in
	*sshfs) kill -STOP "$sshfs" ;;
	*server) box_freeze ;;
	esac
	case $1 in
	last*)
		kill -STOP "$guardian"
		kill -9 "$worker" "$keeper"
		wait_until 5000 has_no_threads "$worker"
		kill -9 "$guardian"
		;;
	*) kill -9 "$guardian" "$worker" "$keeper" ;;
	esac
	begun=$(now_ms)
	wait_until 2000 is_gone "$guardian"
	say "guardian $guardian has ended after $(($(now_ms) - begun)) ms"
}

for manner in at-once-sshfs last-sshfs at-once-server last-server; do
	say "killed: $manner"
	ready=$(grep -c '^ready' "$WORK/store.out")
	kill_all "$manner"
	read -r result us _ < <("$TOOLS/timed" stat "$MNT/none-$manner")
	echo "first local call: $result after $us us"
	assert_eq "$result" ENOENT "a local call while there was no guardian"
	assert_le "$us" $((1500000 * SLOW)) "us until it was answered"
	assert_held OK 0 1000 local read
	read -r result us _ < <("$TOOLS/timed" stat "$COLD/none-$manner")
	echo "first guarded call: $result after $us us"
	assert_match "$result" '^(EIO|ENOENT)$' "a guarded call: told of the outage, or waited for its end"
	assert_le "$us" $(((3000 + DEADLINE_METADATA + SLACK) * 1000 * SLOW)) "us until it was answered"
	wait_until 10000 is_ready_again
	[[ $manner != *server ]] || box_thaw
	wait_healthy box 30000
	wait_until 5000 is_gone "$holder"
	[[ $manner != *sshfs ]] || { assert_ne "$(sshfs_pid)" "$sshfs" "sshfs"; wait_until 5000 is_gone "$sshfs"; }
	assert_held OK 0 5000 reader read
	assert_held OK 0 5000 log append "$manner,"
	assert_content "$COLD/file" hello
	assert_eq "$(holder_of "$(process_pid guardian)" | wc -l)" 1 "holders"
done

say "a holder that dies is followed by another"
guardian=$(process_pid guardian)
holder=$(holder_of "$guardian")
kill -9 "$holder"
wait_value 5000 holder_of "$guardian" =~ '^[0-9]+$'
assert_ne "$(holder_of "$guardian")" "$holder" "holder"

say "executed anew: the old table, and with it the old holder, has gone"
holder=$(holder_of "$guardian") worker=$(process_pid worker)
kill -USR2 "$guardian"
wait_value 10000 process_pid worker != "$worker"
wait_healthy
wait_until 5000 is_gone "$holder"
assert_eq "$(process_pid guardian)" "$guardian" "pid of guardian"
assert_eq "$(holder_of "$guardian" | wc -l)" 1 "holders"
assert_held OK 0 5000 reader read

for name in local reader log; do
	let_go "$name"
done
assert_eq "$(cat "$SERVER/log")" at-once-sshfs,last-sshfs,at-once-server,last-server, "the log on the server"
holder=$(holder_of "$guardian")
kill -TERM "$store"
wait_until 10000 is_gone "$store"
! mounted || fail "still mounted"
is_gone "$holder" || fail "the holder is left behind"

guardian_is_another()
{
	local pid

	pid=$(status .processes.guardian) && [[ $pid != "$guardian" && -d /proc/$pid ]]
}

say "with nobody who keeps the device: mounted anew; the old sshfs, for which the holder waits, is ended though nobody knows of it"
"$GUARDFS" -c "$CONF"
wait_healthy
hold reader read "$COLD/file"
old_ssh=$(ssh_of "$(sshfs_pid)")
assert_match "$old_ssh" '^[0-9]+$' "ssh"
kill_all last-sshfs
old=$sshfs
wait_until 15000 guardian_is_another
wait_healthy box 30000
assert_content "$MNT/work/file" local
assert_content "$COLD/file" hello
wait_until 5000 is_gone "$old"
is_gone "$old_ssh" || fail "ssh, which has a connection, outlives its sshfs"
wait_until 5000 is_gone "$holder"
let_go reader
guardian=$(process_pid guardian)
holder=$(holder_of "$guardian")
kill -TERM "$guardian"
wait_until 10000 is_gone "$guardian"
is_gone "$holder" || fail "the holder is left behind"
! mounted || fail "still mounted"
