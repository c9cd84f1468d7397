# guardctl watch: the screen says what is the case, in time, on terminals of any size, without clearing it; and guardctl never waits for what hangs.
# types: sshfs sftp
# limit: 240
# long: a killed guardfs is known by a status that is not renewed
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$SERVER/dir"
echo x >"$SERVER/file"
conf jobs 'pattern = hc/*'
start_guardfs
wait_healthy
wait_value 10000 cat "$RUN/health" == 'ok*'

# begin NAME COLUMNS ROWS [TERM]: guardctl watch on such a terminal.
begin()
{
	local name=$1 columns=$2 rows=$3 term=${4:-vt100}

	mkdir "$WORK/$name"
	TERM=$term "$REPO/tests/lib/screen.py" "$WORK/$name" "$columns" "$rows" -- "$GUARDCTL" -c "$CONF" watch >"$WORK/$name.out" 2>&1 &
	watcher=$!
}

# shows NAME PATTERN
shows()
{
	grep -qE -- "$2" "$WORK/$1/screen"
}

type_keys()
{
	printf "$2" >"$WORK/$1/keys"
}

quit()
{
	type_keys "$1" q
	wait "$watcher" || fail "exit status $? after q: $(cat "$WORK/$1.out")"
}

say "one look, as text"
"$GUARDCTL" -c "$CONF" watch --once >"$WORK/once" </dev/null
assert_match "$(cat "$WORK/once")" 'box +healthy'
assert_le "$(wc -L <"$WORK/once")" 80 "columns"
COLUMNS=40 "$GUARDCTL" -c "$CONF" watch --once | tee "$WORK/narrow"
assert_le "$(wc -L <"$WORK/narrow")" 40 "columns"
assert_exit 1 "needs a terminal" "$GUARDCTL" -c "$CONF" watch </dev/null

say "frozen: the screen says so within the deadline of whoever asks, and when all is well again"
begin full 80 24
wait_until 5000 shows full 'box +healthy'
wait_until 5000 shows full '1 route: healthy'
box_freeze
timeout 60 stat "$COLD/file" >"$WORK/stat" 2>&1 &
asker=$!
wait_until 30000 shows full 'box +(down|recovering)'
wait_until 2000 shows full 'why: +[a-z_]+ \('
wait_until 2000 shows full 'doing: '
wait_until 2000 shows full 'incident 1'
wait "$asker" || true
box_thaw
wait_until 30000 shows full 'box +healthy'
wait_until 10000 shows full 'ok for'
assert_le "$(cat "$WORK/full/cleared")" 2 "times that the screen was cleared"

say "another size"
printf 'size 40 10\n' >"$WORK/full/keys"
wait_until 5000 shows full '^BACKEND +STATE +SINCE +P99$'
quit full

say "stopped, and started again"
begin gone 80 24
wait_until 15000 shows gone 'box +(healthy|probation|degraded)'
stop_guardfs
wait_until 20000 shows gone 'guardfs is not running'
assert_exit 111 "" "$GUARDCTL" -c "$CONF" watch --once
start_guardfs
wait_healthy box 60000
wait_until 20000 shows gone 'box +(healthy|probation|degraded)'
quit gone

say "a terminal that cannot be drawn on"
begin plain 80 24 dumb
wait_until 10000 shows plain 'box +(healthy|probation|degraded)'
type_keys plain 'q\n'
wait "$watcher" || fail "exit status $? after q: $(cat "$WORK/plain.out")"

say "guardfs is killed whole while a caller hangs in its mount: the screen says so, and does not hang"
begin dead 80 24
wait_until 15000 shows dead 'box +(healthy|probation|degraded)'
box_freeze
stat "$COLD/dir" >/dev/null 2>&1 &
kill -9 "$(process_pid worker)" "$(process_pid keeper)" "$GUARDIAN"
wait_until 40000 shows dead 'guardfs is not running'
wait_until 5000 shows dead 'Last seen .* ago: guardfs'
quit dead
box_thaw
GUARDIAN=0
umount -l "$MNT"
