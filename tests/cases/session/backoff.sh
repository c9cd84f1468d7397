# Workers that die one after the other: guardian pauses before the next start, but never for long, and every call is still
# answered; after that a single death costs as little as ever.
. "$REPO/tests/lib/lib.sh"

setup_local
start_guardfs
mkdir "$MNT/dir"
began=$(now_ms)
for i in 1 2 3 4 5 6 7 8 9 10; do
	kill -9 "$(process_pid worker)"
	assert_op ENOENT 0 5000 stat "$MNT/dir/none-$i"
done
assert_eq "$(status .worker_restarts)" 10 "restarts"
# Without the pauses it would take as long as ten starts, 300 ms; on a machine that is slower than that, nothing was to be paused for.
assert_ge $(($(now_ms) - began)) 700 "ten deaths in a row, ms"
sleep 5 # sleep-ok: quiet for long enough to be forgiven
kill -9 "$(process_pid worker)"
assert_op ENOENT 0 500 stat "$MNT/dir/none-again"
