# A crawler (wget) writes a WARC through the mount while the connection is cut again and again: the crawl ends well and the
# WARC on the server is whole. (Not compressed: for that wget goes back and overwrites, and a file with unsynced overwrites
# is not continued over a reconnect.)
# types: sshfs sftp
# limit: 120
# long: a crawl that is cut again and again, each time with a recovery
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=4000 DEADLINE_READ=10000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000
setup_one_box
mkdir "$WORK/site"
for i in {1..40}; do
	head -c 200000 /dev/urandom >"$WORK/site/$i.bin"
	echo "<a href=\"$i.bin\">$i</a>"
done >"$WORK/site/index.html"
python3 -m http.server --bind 127.0.0.1 --directory "$WORK/site" 8000 >/dev/null 2>&1 &
echo $! >"$WORK/http.pid"
wait_until 10000 answers_at 8000
start_guardfs
wait_healthy
mkdir "$COLD/warcs"

wget --quiet --recursive --no-parent --limit-rate=2m --delete-after --directory-prefix="$WORK/pages" \
	--warc-file="$COLD/warcs/warc" --no-warc-compression --warc-tempdir="$WORK" http://127.0.0.1:8000/ &
crawler=$!
wait_until 10000 test -s "$SERVER/warcs/warc.warc"
for cut in 1 2 3; do
	say "cut $cut, $(stat -c %s "$SERVER/warcs/warc.warc") bytes so far"
	epoch=$(backend_field box epoch)
	box_cut
	wait_value 15000 backend_field box epoch -gt "$epoch"
	wait_healthy
	kill -0 "$crawler" 2>/dev/null || break
done
wait "$crawler" || fail "the crawler failed"
# From record to record, by their lengths: a hole, a loss or a doubled piece would break the walk.
python3 - "$SERVER/warcs/warc.warc" <<'END' || fail "the WARC is damaged"
import sys
data = open(sys.argv[1], 'rb').read()
offset = responses = 0
while offset < len(data):
    head, rest = data[offset:].split(b'\r\n\r\n', 1)
    lines = head.split(b'\r\n')
    assert lines[0] == b'WARC/1.0', offset
    fields = dict(line.split(b': ', 1) for line in lines[1:])
    length = int(fields[b'Content-Length'])
    responses += fields[b'WARC-Type'] == b'response'
    offset += len(head) + 4 + length
    assert data[offset:offset + 4] == b'\r\n\r\n', offset
    offset += 4
print(responses, 'responses in', len(data), 'bytes')
assert responses >= 41
END
