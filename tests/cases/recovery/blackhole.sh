# The server is another host, and what it sends does not arrive any more (a dead link, a firewall that drops): nothing is refused,
# nothing is closed, connections being made hang as the others do. Callers are answered, the diagnosis says so, and it is over when
# it is over.
# limit: 120
# long: connections that nothing refuses: each is given up by its time limit only
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/other-host.sh"

BACKOFF_MAX=1000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000
other_host_begin 'connect_timeout = 3s'
SERVER=$WORK/box/data/jobs/cold
start_guardfs
wait_healthy
assert_content "$COLD/file" content

# A writer in a process of its own: what the case starts would inherit the file, and wait at its close for what is not synced.
mkfifo "$WORK/lines"
while read -r line; do
	echo "$line" >&7
	echo "$line" >>"$WORK/written"
done <"$WORK/lines" 7>>"$COLD/log" &
WRITER=$!
exec {lines}>"$WORK/lines"

# The second time with what the first has left behind.
for round in 1 2; do
	say "nothing comes back from the server any more"
	echo "before $round" >&$lines
	wait_until 5000 grep -q "before $round" "$WORK/written"
	there ip route replace blackhole "$HERE/32"
	assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/none-$round"
	wait_down
	assert_op EIO 0 200 stat "$COLD/again-$round"
	assert_op OK 0 1000 stat "$MNT/.guardfs/status"
	echo "during $round" >&$lines
	say "a try to connect is given up, and the next one begins"
	wait_value 30000 backend_field box attempts -ge 2
	assert_eq "$(backend_field box class)" timeout "class"

	say "it comes back"
	there ip route del blackhole "$HERE/32"
	start=$(now_ms)
	wait_until 30000 backend_is box probation healthy
	say "connected again after $(($(now_ms) - start)) ms"
	assert_content "$COLD/file" content
	wait_until 10000 grep -q "during $round" "$WORK/written"
done
exec {lines}>&-
wait "$WRITER"
assert_content "$SERVER/log" $'before 1\nduring 1\nbefore 2\nduring 2'
stop_guardfs
other_host_end
