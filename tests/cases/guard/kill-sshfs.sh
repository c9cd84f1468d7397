# sshfs dies with files open: readers and appenders go on with the same descriptors and lose nothing.
# limit: 120
. "$REPO/tests/lib/lib.sh"

setup_one_box
seq 1 100000 >"$SERVER/numbers"
start_guardfs
wait_healthy

exec 7<"$COLD/numbers" 8>>"$COLD/log"
head -c 1000 <&7 >"$WORK/read"
expected=''
for round in 1 2 3; do
	echo "line $round before" >&8
	expected+="line $round before"$'\n'
	pid=$(sshfs_pid)
	kill -9 "$pid"
	echo "line $round after" >&8 || fail "append over a reconnect, round $round"
	expected+="line $round after"$'\n'
	wait_until 10000 eval '[[ $(sshfs_pid) != 0 && $(sshfs_pid) != '"$pid"' ]]'
	wait_healthy
	head -c 1000 <&7 >>"$WORK/read" || fail "read after a reconnect, round $round"
done
cat <&7 >>"$WORK/read"
exec 7<&- 8>&-
# head may read further than it prints; it seeks back, so nothing is lost.
cmp "$WORK/read" "$SERVER/numbers"
assert_eq "$(cat "$SERVER/log")" "${expected%$'\n'}" "the log on the server"

say "and killed under a stream of writes"
(
	for ((i = 0; i < 3000; i++)); do
		printf 'record %06d\n' "$i"
	done | dd of="$COLD/stream" bs=14 oflag=append conv=notrunc status=none
) &
writer=$!
wait_until 5000 test -s "$SERVER/stream"
kill -9 "$(sshfs_pid)"
wait "$writer" || fail "the stream of writes broke"
diff <(for ((i = 0; i < 3000; i++)); do printf 'record %06d\n' "$i"; done) "$SERVER/stream"
assert_ge "$(backend_field box counters.reopened)" 1 "handles reopened"
