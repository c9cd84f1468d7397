# The server's process behind one of the two connections is stopped: the one for data. Names and attributes are answered all
# the while, so the backend is not silent as a whole; the connection is found all the same, and the next one serves.
# limit: 120
# long: a read until its deadline, and the connection that is found out by it
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

# Has the box's process PID the file open?
has_open()
{
	find "/proc/$1/fd" -lname "$2" 2>/dev/null | grep -q .
}

# The session behind which a file is open.
session_of()
{
	local pid

	for pid in $(box_pids_in "$WORK/box"); do
		! has_open "$pid" "$1" || echo "$pid"
	done
}

setup_far_box 10
head -c 40000000 /dev/urandom >"$SERVER/data"
touch "$SERVER/alive"
start_guardfs
wait_healthy
epoch=$(backend_field box epoch)

hold reader read "$COLD/data"
session=$(session_of "$SERVER/data")
assert_match "$session" '^[0-9]+$'
traffic_begin
kill -STOP "$session"
assert_held EIO $((DEADLINE_READ - 50)) $((DEADLINE_READ + SLACK)) reader read 30000000
wait_value 20000 backend_field box epoch -gt "$epoch"
wait_healthy
assert_held OK 0 10000 reader read 20000000
let_go reader
traffic_end
kill -CONT "$session"
