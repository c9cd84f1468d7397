# sshfs dies with files open: readers and appenders go on with the same descriptors and lose nothing.
# limit: 120
# long: sshfs dies again and again, each time with a recovery
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
seq 1 100000 >"$SERVER/numbers"
start_guardfs
wait_healthy

hold reader read "$COLD/numbers"
hold log append "$COLD/log"
expected=''
for round in 1 2 3; do
	assert_held OK 0 1000 log append "$round-before,"
	epoch=$(backend_field box epoch)
	kill -9 "$(sshfs_pid)"
	assert_held OK 0 10000 log append "$round-after,"
	expected+="$round-before,$round-after,"
	wait_value 10000 backend_field box epoch -gt "$epoch"
	wait_healthy
	assert_held OK 0 1000 reader read $((round * 100000))
done
assert_held OK 0 1000 log fsync
let_go reader
let_go log
assert_content "$SERVER/log" "$expected"

say "a program that reads all the while: refused while the backend is down, it asks again and goes on where it was"
# A read that meets the trouble after some bytes has these; the next one is refused.
cat >"$WORK/again.py" <<'END'
import os, sys, time
while True:
    try:
        data = os.read(0, 65536)
    except OSError as e:
        print(os.strerror(e.errno), file=sys.stderr, flush=True)
        time.sleep(0.05)  # sleep-ok: the pause of a program that tries again
        continue
    if not data:
        break
    os.write(1, data)
    time.sleep(0.05)  # sleep-ok: the rate of reading
END
python3 "$WORK/again.py" <"$COLD/numbers" >"$WORK/read" 2>"$WORK/refused" &
reader=$!
wait_until 5000 test -s "$WORK/read"
kill -9 "$(sshfs_pid)"
wait "$reader"
cmp "$WORK/read" "$SERVER/numbers"
assert_fails grep -v 'Input/output error' "$WORK/refused"
wait_healthy

say "and a stream of writes"
for ((i = 0; i < 3000; i++)); do
	printf 'record %06d\n' "$i"
done >"$WORK/records"
dd if="$WORK/records" of="$COLD/stream" bs=14 oflag=append conv=notrunc status=none &
writer=$!
wait_until 5000 test -s "$SERVER/stream"
kill -9 "$(sshfs_pid)"
wait "$writer" || fail "the stream of writes broke"
cmp "$WORK/records" "$SERVER/stream"
assert_ge "$(backend_field box counters.reopened)" 1 "handles reopened"
