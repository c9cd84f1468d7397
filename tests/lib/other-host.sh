# other-host.sh: a server on another host, over a link that can go down. Source it behind lib.sh.
#
# The other host is a network namespace that lives as long as a process of ours.

HERE=10.77.0.1 THERE=10.77.0.2

# there COMMAND...: over there.
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

# other_host_begin: the host, its server, and a configuration with the backend `box` there, whose directory jobs/cold is routed to cold/.
# Lines go to [recovery].
other_host_begin()
{
	unshare --net sleep 1000 & # sleep-ok: it is there for its namespace
	HOST=$!
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
	printf '%s\n' "$@" >>"$CONF"
	conf_box box "host = $THERE"
	sed -i '/^host = 127/d' "$CONF"
	conf_tier box/jobs/cold cold
	COLD=$MNT/cold
	echo content >"$WORK/box/data/jobs/cold/file"
}

other_host_end()
{
	box_kill
	kill "$HOST"
	wait "$HOST" 2>/dev/null || true
}
