# The server is another host, and what it sends does not arrive any more (a dead link, a firewall that drops): nothing is refused,
# nothing is closed, connections being made hang as the others do. Callers are answered, the diagnosis says so, and it is over when
# it is over.
# limit: 120
# long: connections that nothing refuses: each is given up by its time limit only
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

HERE=10.77.0.1 THERE=10.77.0.2
BACKOFF_MAX=1000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000

# The other host: a network namespace that lives as long as a process of ours.
unshare --net sleep 1000 & # sleep-ok: it is there for its namespace
HOST=$!
there()
{
	nsenter --target "$HOST" --net -- "$@"
}
other_network()
{
	[[ $(readlink "/proc/$HOST/ns/net") != "$(readlink /proc/self/ns/net)" ]]
}
wait_until 5000 other_network
ip link add to-there type veth peer name to-here netns "$HOST" || skip "no veth devices"
ip address add "$HERE/24" dev to-there
ip link set to-there up
there ip address add "$THERE/24" dev to-here
there ip link set to-here up

box_make_in "$WORK/box" 2222
mkdir -p "$WORK/box/data/jobs/cold"
sed -i "s/^ListenAddress.*/ListenAddress $THERE:2222/" "$WORK/box/sshd_config"
echo "[$THERE]:2222 $(cut -d' ' -f1,2 "$WORK/box/host_key.pub")" >"$WORK/box/known_hosts"
nsenter --target "$HOST" --net -- /usr/sbin/sshd -D -e -f "$WORK/box/sshd_config" </dev/null >"$WORK/box/sshd.log" 2>&1 &
echo $! >"$WORK/box/sshd.pid"
conf_begin
echo 'connect_timeout = 3s' >>"$CONF" # still in [recovery]
conf_box box "host = $THERE"
sed -i '/^host = 127/d' "$CONF"
conf_tier box/jobs/cold cold
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
echo content >"$SERVER/file"
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
box_kill
kill "$HOST"
