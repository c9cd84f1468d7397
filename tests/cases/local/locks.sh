# Locks between processes: flock, POSIX and open-file locks, blocking ones included; a killed worker does not matter.
. "$REPO/tests/lib/lib.sh"

setup_local
start_guardfs
touch "$MNT/file"
for kill in no yes; do
	exec 9>"$MNT/file"
	flock -n 9 || fail "cannot lock"
	[[ $kill == no ]] || kill -9 "$(process_pid worker)"
	assert_fails flock -n "$MNT/file" true
	# Not with our descriptor, which would keep the lock.
	flock "$MNT/file" -c "echo got it >$WORK/got" 9>&- &
	waiter=$!
	sleep 0.2 # sleep-ok: time for what must not happen
	[[ ! -e $WORK/got ]] || fail "two holders of one lock"
	exec 9>&-
	wait "$waiter"
	assert_content "$WORK/got" 'got it'
	rm "$WORK/got"
done
