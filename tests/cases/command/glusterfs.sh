# type = command: the client of GlusterFS, over a volume of two replicas on two hosts (namespaces of networks, mounts and processes). A brick, the client, both hosts' servers are
# killed, a host is mute; bricks come back and are healed. Callers get their answers, and what was synced is on both bricks at the end.
# limit: 240
# long: GlusterFS, which waits for hosts and starts bricks at its own pace
. "$REPO/tests/lib/lib.sh"

command -v glusterd >/dev/null && command -v glusterfs >/dev/null || skip "glusterfs-server and glusterfs-client are not installed"

VOLUME=jobs

# host NAME NUMBER: 10.77.NUMBER.2, routed over here. Whoever kills what its pid file names has pulled its plug.
host()
{
	local name=$1 net=10.77.$2

	mkdir -p "$WORK/$name"/{state,log,brick}
	unshare -mnpf --mount-proc --kill-child --propagation private bash -c '
		mount -t tmpfs run /run && mkdir /run/gluster &&
			mount --bind "$0/state" /var/lib/glusterd && mount --bind "$0/log" /var/log/glusterfs &&
			mount --bind "$0/../hosts" /etc/hosts && mount --bind /dev/null /etc/resolv.conf || exit 1
		: >"$0/ready"
		tail -f /dev/null &
		wait' "$WORK/$name" &
	echo $! >"$WORK/$name.pid"
	wait_until 10000 test -e "$WORK/$name/ready"
	ip link add "to-$name" type veth peer name eth0 netns "$(inner "$name")"
	ip address add "$net.1/24" dev "to-$name"
	ip link set "to-$name" up
	on "$name" sh -c "ip link set lo up && ip address add $net.2/24 dev eth0 && ip link set eth0 up && ip route add default via $net.1"
	on "$name" glusterd -p /run/glusterd.pid
	wait_until 20000 gluster_on "$name" pool list
}

# Its process 1, as seen from here.
inner()
{
	local outer

	outer=$(cat "$WORK/$1.pid")
	tr -d ' ' <"/proc/$outer/task/$outer/children"
}

on()
{
	local name=$1

	shift
	nsenter -t "$(inner "$name")" -m -n -p "$@"
}

gluster_on()
{
	local name=$1

	shift
	on "$name" timeout 30 gluster --mode=script "$@"
}

kill_brick()
{
	on "$1" sh -c 'kill -9 $(cat /run/gluster/vols/*/*.pid)'
}

kill_servers()
{
	on "$1" sh -c 'kill -9 $(cat /run/gluster/vols/*/*.pid /run/glusterd.pid /run/gluster/shd/*/*.pid)'
}

is_connected()
{
	gluster_on a peer status | grep -q '(Connected)'
}

are_bricks_up()
{
	[[ $(gluster_on a volume status "$VOLUME" detail | grep -c '^Online *: Y') == 2 ]]
}

# Both bricks have all that was synced, and know of nothing that the other one lacks. (The volume's own tools wait for hosts that do not answer.)
is_healed()
{
	local brick

	for brick in "$WORK"/{a,b}/brick; do
		is_complete "$brick/cold" || return 1
		! find "$brick/.glusterfs/indices/xattrop" -type f ! -name 'xattrop-*' | grep . || return 1
	done
}

# Nobody is asked for names.
printf '%s\n' '127.0.0.1 localhost' '10.77.1.2 a' '10.77.2.2 b' '10.77.1.1 ra' '10.77.2.1 rb' >"$WORK/hosts"
echo 1 >/proc/sys/net/ipv4/ip_forward
host a 1
host b 2
gluster_on a peer probe 10.77.2.2
wait_until 20000 is_connected
gluster_on a volume create "$VOLUME" replica 2 "10.77.1.2:$WORK/a/brick" "10.77.2.2:$WORK/b/brick" force
# A close that is answered before its writes are with the bricks promises nothing.
gluster_on a volume set "$VOLUME" performance.flush-behind off
# Shorter than the deadlines: a host that is mute is the volume's to do without, not the guard's to replace the client for.
gluster_on a volume set "$VOLUME" network.ping-timeout 2
gluster_on a volume set "$VOLUME" cluster.heal-timeout 5
gluster_on a volume start "$VOLUME"
wait_until 20000 are_bricks_up

PATIENCE=10000 DEADLINE_METADATA=4000 PROBE_TIMEOUT=4000
conf_begin
conf 'backend box' 'type = command' "alias = $WORK/cold/box" 'adopt = yes' \
	"command = [\"$(command -v glusterfs)\", \"--no-daemon\", \"--log-file=-\", \"--volfile-server=10.77.1.2\", \"--volfile-server=10.77.2.2\", \"--volfile-id=$VOLUME\", \"--attribute-timeout=1\", \"--entry-timeout=1\", \"{mountpoint}\"]"
conf_tier box/cold cold
COLD=$MNT/cold
BRICKS=("$WORK/a/brick/cold" "$WORK/b/brick/cold")
start_guardfs
wait_healthy box 20000
# The routed directory is made through the volume itself.
mkdir "$MNT/.guardfs/backends/box/cold"
wait_until 10000 test -d "$COLD/."

# store FILE: 1 MiB, synced, its sum remembered.
store()
{
	head -c 1048576 /dev/urandom >"$WORK/data"
	dd if="$WORK/data" of="$COLD/$1" bs=128k conv=fsync status=none || fail "cannot write $1"
	(cd "$WORK" && sha256sum data | sed "s/data/$1/") >>"$WORK/sums"
}

# On a brick.
is_complete()
{
	(cd "$1" && sha256sum --quiet -c "$WORK/sums")
}

client()
{
	backend_field box pid
}

took()
{
	echo "$1: $(($(now_ms) - began)) ms"
}

say "what is synced is on both bricks"
store healthy
for brick in "${BRICKS[@]}"; do
	is_complete "$brick" || fail "$brick lacks something"
done

say "one brick is killed: callers notice nothing"
epoch=$(backend_field box epoch)
kill_brick b
began=$(now_ms)
store degraded
took "1 MiB with a brick killed"
assert_op OK 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/healthy"
assert_eq "$(backend_field box epoch)" "$epoch" "the epoch"
[[ ! -e ${BRICKS[1]}/degraded ]] || fail "the brick is not dead"

say "the client is killed: callers wait for the next one"
kill -9 "$(client)"
began=$(now_ms)
assert_op OK 0 15000 stat "$COLD/degraded"
took "a caller with the client killed"
wait_value 20000 backend_field box epoch -gt "$epoch"
wait_healthy box 20000
is_complete "$COLD" || fail "something is missing in the mount"

say "the brick is back, and is healed"
began=$(now_ms)
gluster_on a volume start "$VOLUME" force
wait_until 30000 are_bricks_up
wait_until 60000 is_healed
took "healed"

# Its packets are received, and none of it leaves.
mute()
{
	on "$1" ip route add blackhole "10.77.$2.1/32"
	on "$1" ip route add blackhole "10.77.$3.2/32"
}

say "a host is mute: callers wait until the volume does without it"
epoch=$(backend_field box epoch)
began=$(now_ms)
mute b 2 1
store mute
took "1 MiB with a host mute"
assert_op OK 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/mute"
assert_eq "$(backend_field box epoch)" "$epoch" "the epoch"
on b ip route flush type blackhole
wait_until 60000 is_healed
took "healed"

is_refused_at_once()
{
	local result us late

	read -r result us late < <("$TOOLS/timed" stat "$COLD/healthy")
	[[ $result == EIO ]] && ((us < 20000 * SLOW + late))
}

say "all servers are killed: errors by the deadline, then at once; the mountpoint stays"
epoch=$(backend_field box epoch)
began=$(now_ms)
kill_servers a
kill_servers b
wait_value 20000 backend_field box state != healthy
took "noticed"
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/healthy"
wait_until 20000 is_refused_at_once # its patience is over
took "refused at once"
assert_op OK 0 $((DEADLINE_METADATA + SLACK)) stat "$MNT"
mounted || fail "the mountpoint has disappeared"

say "the servers are back: what was synced is there, on both bricks"
began=$(now_ms)
on a glusterd -p /run/glusterd.pid
on b glusterd -p /run/glusterd.pid
wait_healthy box 60000
took "healthy again"
wait_value 20000 backend_field box epoch -gt "$epoch"
store after
is_complete "$COLD" || fail "something is missing in the mount"
wait_until 60000 is_healed

say "the end"
client=$(client)
stop_guardfs
wait_until 5000 is_gone "$client"
