# The network goes away for so long that the next try to connect is far off, and comes back: the server is reached at once,
# whatever the backoff.
# limit: 180
# long: an outage until the backoff is long
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/other-host.sh"

BACKOFF_MIN=60000 BACKOFF_MAX=600000

waits()
{
	[[ $(backend_field box state) == down ]]
}

other_host_begin 'connect_timeout = 15s'
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
other_host_end
