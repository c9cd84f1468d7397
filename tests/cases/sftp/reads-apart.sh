# Reads that had to wait behind writes get a channel of their own in the session for data: another process of the server's serves
# them. Where the server allows no further one they share the one that there is. If that process is killed callers go on.
# limit: 120
# long: a link that is slow enough for writes to wait, and a second server
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

PATIENCE=20000 DEADLINE_READ=20000 DEADLINE_METADATA=20000 PROBE_TIMEOUT=10000

has_open()
{
	find "/proc/$1/fd" -lname "$2" 2>/dev/null | grep -q .
}

# The server's processes in which a file is open.
sessions_of()
{
	local pid

	for pid in $(box_pids_in "$WORK/box"); do
		! has_open "$pid" "$1" || echo "$pid"
	done
}

begin_writing()
{
	dd if=/dev/zero of="$COLD/written" bs=1M count=2000 status=none 2>/dev/null &
	writer=$!
	wait_until 20000 test -n "$(sessions_of "$SERVER/written")" -o -e "$SERVER/written"
}

# As ever, whoever reads beside.
end_writing()
{
	kill "$writer"
	relay far rate 0
	wait "$writer" || true
}

# A file that is opened now is open in another process than the one that is written.
is_apart()
{
	local pid writes

	exec 7<"$COLD/numbers"
	assert_eq "$(head -c 6 <&7)" $'1\n2\n3'
	writes=$(sessions_of "$SERVER/written")
	for pid in $(sessions_of "$SERVER/numbers"); do
		[[ -z $writes || $pid == "$writes" ]] || reads=$pid
	done
	exec 7<&-
	[[ -n $reads ]]
}

setup_far_box 5 'durability = behind'
seq 1 300000 >"$SERVER/numbers"
start_guardfs
wait_healthy

say "reads beside a writer"
relay far rate 20000
reads=
begin_writing
wait_until 30000 is_apart
cmp "$COLD/numbers" "$SERVER/numbers"
assert_eq "$(backend_field box epoch)" 1

say "the server's process for reads is killed: nobody gets an error"
hold reader read "$COLD/numbers"
kill -9 "$reads"
assert_held OK 0 20000 reader read 100000
cmp "$COLD/numbers" "$SERVER/numbers"
let_go reader
end_writing
wait_healthy
assert_eq "$(backend_field box epoch)" 2
assert_eq "$(status '.suspects')" 0
assert_eq "$(status '.counters.errors')" 0

say "a server that allows one channel a session"
stop_guardfs
box_kill
sed -i 's/^MaxSessions .*/MaxSessions 1/; s/^\tMaxSessions .*/MaxSessions 1/' "$WORK/box/sshd_config"
box_restart
rm "$SERVER/written"
start_guardfs
wait_healthy
relay far rate 20000
begin_writing
for ((i = 0; i < 20; i++)); do
	exec 7<"$COLD/numbers"
	assert_eq "$(head -c 6 <&7)" $'1\n2\n3'
	exec 7<&-
done
cmp "$COLD/numbers" "$SERVER/numbers"
end_writing
assert_eq "$(backend_field box epoch)" 1
assert_eq "$(status '.counters.errors')" 0
stop_guardfs
