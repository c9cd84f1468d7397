# The look at a suspect file is cut short: keeper is killed in the midst of it, then the connection is lost. The next look goes on at the last
# whole record, and finds what an uninterrupted one would have found.
# limit: 240
# long: a slow look at 20 MiB, cut twice, after an outage longer than the writer's deadline
. "$REPO/tests/lib/lib.sh"

MIB=20
DEADLINE_WRITE=2000 DEADLINE_SYNC=2000
PATIENCE=0

suspect()
{
	{ ctl suspects --json || true; } | jq -r ".[0].$1"
}

# The records up to there have been looked at.
has_come_to()
{
	(($(suspect whole_to) >= $1))
}

another_keeper()
{
	[[ $(process_pid keeper) != "$1" ]]
}

setup_one_box 'durability = behind'
sed -i '/^\[recovery\]/a settle_rate = 1' "$CONF"
start_guardfs
wait_healthy
python3 - "$COLD/large.warc.gz" "$WORK" $MIB <<'END' >"$WORK/writer" 2>&1 &
import gzip, os, sys, time

def record(n):
    body = os.urandom(60000)
    head = b"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:x:%d>\r\nContent-Length: %d\r\n\r\n" % (n, len(body))
    return gzip.compress(head + body + b"\r\n\r\n", 1)

path, work, mib = sys.argv[1:]
fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
synced = n = 0
while synced < int(mib) << 20:
    n += 1
    data = record(n)
    assert os.write(fd, data) == len(data)
    synced += len(data)
os.fsync(fd)
with open(work + "/synced.new", "w") as f:
    f.write(str(synced))
os.rename(work + "/synced.new", work + "/synced")
while not os.path.exists(work + "/down"):
    time.sleep(0.02)  # sleep-ok: polling
os.write(fd, record(n + 1))
try:
    os.close(fd)
    sys.exit("no error")
except OSError:
    pass
END
writer=$!
wait_until 30000 test -s "$WORK/synced"
synced=$(cat "$WORK/synced")
box_kill
wait_down
touch "$WORK/down"
wait $writer || fail "$(cat "$WORK/writer")"
box_restart
wait_healthy

say "keeper is killed in the midst of it"
wait_until 60000 has_come_to 1000000
keeper=$(process_pid keeper)
kill -9 "$keeper"
wait_until 10000 another_keeper "$keeper"
wait_value 10000 suspect verdict == pending
at=$(suspect whole_to)
assert_ge "$at" 1000000 "bytes that need not be looked at again"
wait_until 60000 has_come_to $((at + 1000000))

say "the connection is lost"
box_cut
wait_until 20000 backend_is box down recovering
at=$(suspect whole_to)
# "unknown": the look itself met the error first. It is tried again over the next connection, at once: perhaps it is told already.
assert_match "$(suspect verdict)" '^(pending|unknown|truncated)$' "the verdict just after"
wait_healthy
assert_ge "$(suspect whole_to)" "$at" "bytes that need not be looked at again"
wait_value 60000 suspect verdict == truncated
assert_eq "$(suspect at) $(suspect whole_to) $(suspect found_size)" "$synced $synced $synced"
