# Appends whose worker is killed, whose connection breaks, or whose answer is lost: each line is there once, whether another client
# appends to the same file or not. And what is appended after a truncation that failed and was made lies at the end that there is.
# types: sshfs sftp
# limit: 120
# long: a log under kills on three kinds of storage, and answers that are waited for until a deadline
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=20000 PROBE_INTERVAL=5000
LINE=a-line-that-was-being-appended

is_inside()
{
	(($(backend_field "$1" inflight) > 0))
}

append_begins()
{
	rm -f "$WORK/appended"
	"$TOOLS/timed" append "$1" "$LINE"$'\n' >"$WORK/appended.new" && mv "$WORK/appended.new" "$WORK/appended" &
	wait_until 3000 is_inside "$2"
}

append_ends()
{
	wait_until 15000 test -s "$WORK/appended"
	assert_match "$(cat "$WORK/appended")" '^OK'
}

no_fault()
{
	rm -f "$WORK/fault"
}

say "a directory: the worker is killed after an append was made, and before"
setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store
n=0
for when in 'write lostack' 'write hang'; do
	for others in '' 'of the other'; do
		n=$((n + 1)) lines=$((${#others} ? 4 : 2))
		printf 'before\n' >"$SERVER/log$n"
		assert_eq "$(wc -l <"$COLD/log$n")" 1 "lines seen"
		[[ -z $others ]] || echo "$others" >>"$SERVER/log$n"
		fault "$when path=log$n"
		append_begins "$COLD/log$n" store
		[[ -z $others ]] || echo "$others" >>"$SERVER/log$n"
		kill_worker no_fault
		append_ends
		assert_eq "$(grep -cx "$LINE" "$SERVER/log$n")" 1 "$when: how often it is there"
		assert_eq "$(wc -l <"$SERVER/log$n")" "$lines" "$when: lines"
	done
done

say "an answer is lost: a probe is waited for, and it was made"
printf 'before\n' >"$SERVER/lost"
echo theirs >>"$SERVER/lost"
fault 'write lostack EIO path=lost count=1'
assert_op OK 0 5000 append "$COLD/lost" "$LINE"$'\n'
assert_eq "$(grep -cx "$LINE" "$SERVER/lost")" 1 "how often it is there"

say "what cannot be told is an error: the same bytes as before, among those of another"
: >"$SERVER/same"
hold log append "$COLD/same"
assert_held OK 0 1000 log append "$LINE"
fault 'write lostack EIO path=same count=1'
echo theirs >>"$SERVER/same"
assert_held EIO 0 5000 log append "$LINE"
let_go log
fault ''

say "a truncation that was answered with an error and was made: then the end is there"
# truncated_by OPERATION COMMAND...
truncated_by()
{
	local log=$COLD/log-$1 there=$SERVER/log-$1

	seq 1000 >"$there"
	hold log append "$log"
	assert_held OK 0 1000 log append "$LINE"
	fault "$1 lostack EIO path=log-$1"
	shift
	assert_fails "$@" "$log"
	fault ''
	wait_healthy store
	assert_eq "$(stat -c %s "$there")" 0 "size after the truncation"
	assert_held OK 0 1000 log append "$LINE"
	assert_content "$there" "$LINE"
	assert_content "$log" "$LINE"
	assert_held OK 0 1000 log fsync
	let_go log
}
truncated_by setattr truncate -s 0
truncated_by open cp /dev/null

log_under()
{
	local rc=0 writer kill=$1

	shift
	python3 "$REPO/tests/lib/shared_log.py" "$@" >"$WORK/log.out" 2>&1 &
	writer=$!
	wait_until 5000 test -s "$2"
	while ! is_gone "$writer"; do
		"$kill"
		sleep "0.$((RANDOM % 30 + 10))" # sleep-ok: the rate of killing
	done
	wait "$writer" || rc=$?
	cat "$WORK/log.out"
	assert_eq "$rc" 0 "a log under $kill"
}

kill_workers()
{
	kill -9 "$(process_pid worker)"
}

say "a log under kills of the worker"
log_under kill_workers "$COLD/log-1" "$SERVER/log-1" 2 30
log_under kill_workers "$COLD/log-2" "$SERVER/log-2" 1 30 alone
stop_guardfs
rm -rf "$RUN"
conf_begin 'passthrough = no'
start_guardfs
say "the local tier without passthrough: the other's lines end like ours, and many bytes of his lie behind the end that the kernel knows"
log_under kill_workers "$MNT/log-1" "$LOCAL/log-1" 2 30
log_under kill_workers "$MNT/log-2" "$LOCAL/log-2" 3 9000
stop_guardfs
rm -rf "$RUN"

say "sshfs: the worker is killed while the server stands still"
setup_one_box
start_guardfs
wait_healthy
for others in '' others; do
	printf 'before\n' >"$SERVER/log$others"
	assert_eq "$(wc -l <"$COLD/log$others")" 1 "lines seen"
	[[ -z $others ]] || echo "$others" >>"$SERVER/log$others"
	hold log append "$COLD/log$others"
	box_freeze
	echo "append $LINE" >"$WORK/log.in"
	wait_until 3000 is_inside box
	kill_worker
	box_thaw
	wait_until 15000 has_more_lines "$WORK/log.out" 1
	assert_match "$(tail -n 1 "$WORK/log.out")" '^OK'
	let_go log
	assert_eq "$(grep -c "$LINE" "$SERVER/log$others")" 1 "how often it is there"
done

kill_sshfs()
{
	local pid

	pid=$(sshfs_pid) && ((pid > 1)) && kill -9 "$pid" && wait_healthy
	:
}

say "a log under kills of the worker, and of sshfs"
log_under kill_workers "$COLD/log-1" "$SERVER/log-1" 2 30
log_under kill_sshfs "$COLD/log-2" "$SERVER/log-2" 3 30
log_under kill_sshfs "$COLD/log-3" "$SERVER/log-3" 2 30 alone
