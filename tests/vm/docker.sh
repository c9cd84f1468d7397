# A container that has a job's directory bound, rprivate or rslave, lives through the deaths of worker, guardian and storage's server, and through
# a server that stands still: what it writes is all there, and it sees no error. Docker itself; guardfs as its unit under systemd.
# limit: 600
. "$REPO/tests/lib/lib.sh"

UNIT=guardfs@test.service LOG=$WORK/log
DEADLINE_METADATA=60000 DEADLINE_READ=60000 DEADLINE_WRITE=120000 DEADLINE_SYNC=120000 PATIENCE=60000

end_docker()
{
	docker rm -f rprivate rslave >/dev/null 2>&1
	systemctl stop docker docker.socket containerd
	journalctl -u "$UNIT" -o cat --no-pager >"$WORK/guardfs-unit.log" 2>/dev/null
	systemctl stop "$UNIT"
}
trap 'rc=$?; set +e; ((rc == 0)) || docker logs rslave; end_docker; (exit $rc); at_exit' EXIT

property()
{
	systemctl show -P "$1" "$UNIT"
}

another_guardian()
{
	[[ $(property MainPID) != "$1" && $(property ActiveState) == active ]] && timeout $((2 * SLOW)) cat "$MNT/.guardfs/health"
}

# container PROPAGATION: appends numbers to a file that it keeps open, and to one that it opens each time; notes what was acknowledged.
container()
{
	docker run -d --name "$1" --network none --mount "type=bind,source=$COLD/job,target=/output,bind-propagation=$1" \
		-v "$LOG:/log" -e "NAME=$1" writer /bin/sh -c '
		exec 3>>/output/held-$NAME
		n=0
		until [ -e /log/stop ]; do
			n=$((n + 1))
			echo $n >&3 && echo $n >>/log/held-$NAME || echo "held: $n" >>/log/errors
			echo $n >>/output/named-$NAME && echo $n >>/log/named-$NAME || echo "named: $n" >>/log/errors
			[ "$(cat /output/sub/file)" = inside ] || echo "sub: $n" >>/log/errors
			sleep 0.2 # sleep-ok: the rate of writing
		done' >/dev/null
}

# All four files of both containers have grown by three lines since `lines` was noted.
note_lines()
{
	lines=$(cat "$LOG"/{held,named}-* 2>/dev/null | sort -n | tail -n 1)
}

go_on()
{
	local file

	for file in "$LOG"/{held,named}-{rprivate,rslave}; do
		(($(tail -n 1 "$file") >= ${lines:-0} + 3)) || return
	done
}

lives()
{
	wait_until 60000 go_on
	[[ ! -e $LOG/errors ]] || fail "after $1 the containers saw errors: $(head -n 5 "$LOG/errors")"
	note_lines
}

say "guardfs by its unit, docker, an image of busybox"
setup_one_box
mkdir -p "$SERVER/job/sub" "$LOG" "$WORK/image/bin" /etc/docker /etc/guardfs
echo inside >"$SERVER/job/sub/file"
cp "$CONF" /etc/guardfs/test.conf
install -m 0755 -t /usr/local/sbin "$GUARDFS"
install -m 0755 -t /usr/local/bin "$GUARDCTL"
cp "$REPO/scripts/systemd/guardfs@.service" /etc/systemd/system
# The machine has no network to filter.
echo '{"iptables": false, "ip6tables": false, "bridge": "none"}' >/etc/docker/daemon.json
systemctl daemon-reload
systemctl start "$UNIT"
wait_healthy
systemctl start docker
cp "$(command -v busybox)" "$WORK/image/bin/busybox"
for name in sh cat sleep; do
	ln -s busybox "$WORK/image/bin/$name"
done
tar -c -C "$WORK/image" . | docker import - writer >/dev/null
container rprivate
container rslave
lives "the start"

say "the worker is killed"
kill -9 "$(process_pid worker)"
lives "worker's death"

say "guardian is killed"
guardian=$(property MainPID)
kill -9 "$guardian"
wait_until 30000 another_guardian "$guardian"
lives "guardian's death"

say "both are killed at once"
guardian=$(property MainPID)
kill -9 "$guardian" "$(process_pid worker)"
wait_until 30000 another_guardian "$guardian"
lives "the death of both"

say "sshfs is killed"
kill -9 "$(sshfs_pid)"
lives "sshfs's death"

say "the server is killed, and there again after a while"
box_kill
wait_down box 30000
box_restart
wait_healthy box 60000
lives "the server's death"

say "the server stands still for a while"
box_freeze
wait_down box 30000
box_thaw
wait_healthy box 60000
lives "the server's standstill"

touch "$LOG/stop"
docker wait rprivate rslave >/dev/null
for name in {held,named}-{rprivate,rslave}; do
	cmp "$LOG/$name" "$SERVER/job/$name" || fail "$name on the server is not what was acknowledged"
done
[[ ! -e $LOG/errors ]] || fail "errors: $(head -n 5 "$LOG/errors")"
say "$(cat "$LOG"/{held,named}-* | wc -l) lines acknowledged, all there"

say "a container that is started again finds its directory"
rm "$LOG/stop"
before=$(wc -l <"$LOG/named-rprivate")
docker start rprivate >/dev/null
wait_until 60000 has_more_lines "$LOG/named-rprivate" "$before"
[[ ! -e $LOG/errors ]] || fail "errors: $(head -n 5 "$LOG/errors")"
