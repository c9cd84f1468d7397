# The server goes away for so long that the next try to connect is far off, and comes back while the network stays: it is heard within
# seconds, whatever the backoff.
# limit: 240
# long: outages until the backoff is long
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

BACKOFF_MIN=60000 BACKOFF_MAX=600000

waits()
{
	[[ $(backend_field box state) == down ]] && (($(backend_field box attempts) >= 1))
}

# back_within MS: it is back so soon; the backoff alone would be 45 s at least.
back_within()
{
	local start

	start=$(now_ms)
	wait_until 40000 backend_is box probation healthy
	say "connected again after $(($(now_ms) - start)) ms"
	assert_le $(($(now_ms) - start)) $(($1 * SLOW)) "ms until connected again"
	assert_content "$COLD/file" content
}

setup_one_box
echo content >"$SERVER/file"
start_guardfs
wait_healthy
assert_content "$COLD/file" content

say "the server is away: connections are refused"
box_kill box
wait_down box 30000
wait_until 30000 waits
box_restart box
back_within 12000

say "the server hangs: connections are made, and nothing is said"
box_freeze
timeout 60 stat "$COLD/other" >/dev/null 2>&1 || true
wait_down box 30000
wait_until 40000 waits
box_thaw
back_within 15000

stop_guardfs
