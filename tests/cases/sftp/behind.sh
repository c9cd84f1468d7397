# durability = behind over a server far away: many pieces of one file are on the way at once, and arrive whole, once and in order,
# when connections are cut and workers killed meanwhile. Nobody sees an error.
# limit: 240
# long: 400 ms a round trip, then cuts and kills while files are written
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=15000 DEADLINE_READ=15000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000
PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000 BACKOFF_MIN=100 PATIENCE=10000
RTT_MS=400
MIB=16
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold

box_start box 2222
relay_start far 2300 2222
mkdir -p "$WORK/box/data/jobs/cold"
conf_begin
PORT=2300 conf_box box 'durability = behind'
conf_tier box/jobs/cold cold
start_guardfs
wait_healthy box
head -c $((MIB << 20)) /dev/urandom >"$WORK/data"

# has_grown FILE BYTES: on the server.
has_grown()
{
	(($(stat -c %s "$SERVER/$1" 2>/dev/null || echo 0) >= $2))
}

say "one file, in pieces of 128 KiB: its parts of a MiB do not wait for each other"
relay far delay $((RTT_MS / 2))
before=$(now_ms)
dd if="$WORK/data" of="$COLD/large" bs=128k status=none
took=$(($(now_ms) - before))
relay far delay 0
cmp "$WORK/data" "$SERVER/large"
((took < MIB * RTT_MS)) || fail "took $took ms, as if each had gone alone"

say "nor do small pieces all over a file"
relay far delay $((RTT_MS / 2))
before=$(now_ms)
python3 - "$COLD/scattered" <<-'END'
	import os, sys
	f = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
	for i in range(40):
	    os.pwrite(f, bytes([i + 1]) * 1000, (i * 7 % 40) * 10000)
	os.close(f)
END
took=$(($(now_ms) - before))
relay far delay 0
((took < 20 * RTT_MS)) || fail "took $took ms, as if each had gone alone"
python3 - "$SERVER/scattered" <<-'END'
	import sys
	data = open(sys.argv[1], 'rb').read()
	want = bytearray(391000)
	for i in range(40):
	    at = (i * 7 % 40) * 10000
	    want[at:at + 1000] = bytes([i + 1]) * 1000
	assert data == want, 'something is missing'
END

say "connections are cut, and a worker is killed, while pieces are on the way"
relay far delay 20
relay far rate 4096
dd if="$WORK/data" of="$COLD/cut" bs=64k status=none 2>"$WORK/dd.log" &
job=$!
wait_until 20000 has_grown cut 2000000
relay far cut
wait_until 20000 has_grown cut 5000000
before=$(process_pid worker)
kill -9 "$before"
wait_until 10000 another_worker_serves "$before"
wait_until 20000 has_grown cut 9000000
relay far cut
wait $job || fail "the writer met an error: $(cat "$WORK/dd.log")"
cmp "$WORK/data" "$SERVER/cut"
relay far rate 0
relay far delay 0
assert_eq "$(ctl suspects --json | jq length)" 0

stop_guardfs
