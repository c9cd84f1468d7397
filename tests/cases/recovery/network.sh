# The network goes away for so long that the next try to connect is far off, and comes back: the server is reached at once,
# whatever the backoff.
# limit: 180
# long: an outage until the backoff is long
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

HERE=10.77.0.1 THERE=10.77.0.2
BACKOFF_MIN=60000 BACKOFF_MAX=600000

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
link_up()
{
	ip link set to-there up
	ip address replace "$HERE/24" dev to-there
}
link_down()
{
	ip link set to-there down
}
waits()
{
	[[ $(backend_field box state) == down ]]
}
wait_until 5000 other_network
ip link add to-there type veth peer name to-here netns "$HOST" || skip "no veth devices"
ip link set lo up 2>/dev/null || true
link_up
there ip address add "$THERE/24" dev to-here
there ip link set to-here up

box_make_in "$WORK/box" 2222
mkdir -p "$WORK/box/data/jobs/cold"
sed -i "s/^ListenAddress.*/ListenAddress $THERE:2222/" "$WORK/box/sshd_config"
echo "[$THERE]:2222 $(cut -d' ' -f1,2 "$WORK/box/host_key.pub")" >"$WORK/box/known_hosts"
nsenter --target "$HOST" --net -- /usr/sbin/sshd -D -e -f "$WORK/box/sshd_config" </dev/null >"$WORK/box/sshd.log" 2>&1 &
echo $! >"$WORK/box/sshd.pid"
conf_begin
echo 'connect_timeout = 15s' >>"$CONF" # still in [recovery]
conf_box box "host = $THERE"
sed -i '/^host = 127/d' "$CONF"
conf_tier box/jobs/cold cold
COLD=$MNT/cold
echo content >"$WORK/box/data/jobs/cold/file"
start_guardfs
wait_healthy
assert_content "$COLD/file" content

say "the link goes down; the next try is a minute away"
link_down
wait_down box 30000
wait_until 30000 waits
wait_value 20000 backend_field box attempts -ge 1
say "and up again"
link_up
start=$(now_ms)
wait_until 30000 backend_is box probation healthy
took=$(($(now_ms) - start))
say "connected again after $took ms"
# The backoff alone would be 45 s at least.
assert_content "$COLD/file" content

say "the other end of the cable is out, where addresses and routes stay; the next keeper has not seen it go"
echo 1 >/proc/sys/net/ipv6/conf/to-there/disable_ipv6
there ip link set to-here down
wait_down box 30000
wait_until 30000 waits
old=$(process_pid keeper)
kill -9 "$old"
replaced()
{
	[[ $(process_pid keeper) != "$old" ]] && waits && "$GUARDCTL" -c "$CONF" jobs
}
wait_until 20000 replaced
there ip link set to-here up
wait_until 30000 backend_is box probation healthy
assert_content "$COLD/file" content
stop_guardfs
box_kill
kill "$HOST"
