# The end: SIGTERM, umount(8), files open. Nothing is left: no process, no mount, no file that should not outlive it.
. "$REPO/tests/lib/lib.sh"

setup_one_box
for how in term umount busy; do
	say "$how"
	start_guardfs
	wait_healthy
	sshfs=$(sshfs_pid) worker=$(process_pid worker) keeper=$(process_pid keeper) guardian=$GUARDIAN
	case $how in
	term)
		stop_guardfs
		;;
	umount)
		umount "$MNT"
		GUARDIAN=0
		;;
	busy)
		exec 9>"$MNT/open" 8>"$COLD/open"
		stop_guardfs
		exec 9>&- 8>&- || true
		;;
	esac
	for pid in $guardian $worker $keeper $sshfs; do
		wait_until 10000 is_gone "$pid"
	done
	! mounted || fail "still mounted"
	assert_missing "$RUN/health"
	assert_missing "$RUN/status.json"
done
