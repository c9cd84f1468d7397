# guardfs-verify agrees with an oracle about archives that wget and python write, damaged at many places; guardctl verify says the same of what
# lies on storage, and what is down is unknown, not bad.
# limit: 300
# long: archives damaged at many places, each checked by guardfs-verify and by the oracle
. "$REPO/tests/lib/lib.sh"

VERIFY=$BUILD/guardfs-verify
mkdir -p "$WORK/archives" "$WORK/damaged" "$WORK/site"

say "archives: a crawl by wget, members of python's gzip, one for each record and one for all, plain ones"
python3 - "$WORK" <<'END'
import gzip, os, random, sys
work = sys.argv[1]
rng = random.Random(1)
for i in range(12):
    with open(f"{work}/site/{i}.html", "wb") as f:
        f.write(b"<a href='%d.html'>next</a>" % ((i + 1) % 12) + rng.randbytes(rng.randrange(6000)) + b"text " * rng.randrange(900))
def record(kind, body):
    return b"WARC/1.1\r\nWARC-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n" % (kind, len(body), body)
records = [record(b"response", rng.randbytes(rng.randrange(4000)) + b"text " * rng.randrange(500)) for _ in range(15)]
def write(name, data):
    with open(f"{work}/archives/{name}", "wb") as f:
        f.write(data)
write("each.warc.gz", b"".join(gzip.compress(r) for r in records))
write("all.warc.gz", gzip.compress(b"".join(records)))
write("stored.warc.gz", b"".join(gzip.compress(r, 0) for r in records[:6]))
write("two-in-each.warc.gz", b"".join(gzip.compress(records[i] + records[i + 1]) for i in range(0, 14, 2)))
# Without the content that random bytes are: what a line is, and what not, is plain then.
write("plain.warc", b"".join(record(b"resource", b"line\n" * rng.randrange(1000)) for _ in range(15)))
write("log.gz", gzip.compress(b"a line of a log\n" * 20000))
with gzip.GzipFile(f"{work}/archives/named.gz", "wb") as f:
    f.write(rng.randbytes(20000))
END
ip link set lo up 2>/dev/null || true
python3 -m http.server --bind 127.0.0.1 --directory "$WORK/site" 8377 >"$WORK/http.log" 2>&1 &
echo $! >"$WORK/http.pid"
wait_until 15000 answers_at 8377
(cd "$WORK/archives" && wget -q -r -l 20 --delete-after --warc-file=wget http://127.0.0.1:8377/0.html)
(cd "$WORK/archives" && wget -q -r -l 20 --delete-after --no-warc-compression --no-warc-digests --warc-file=wget-plain http://127.0.0.1:8377/0.html)
(cd "$WORK/archives" && wget -q -r -l 20 --delete-after --no-warc-compression --warc-file=wget-digests http://127.0.0.1:8377/0.html)
kill "$(cat "$WORK/http.pid")"
ls -l "$WORK/archives"
"$VERIFY" "$WORK"/archives/*.gz "$WORK"/archives/*.warc
assert_ge "$("$VERIFY" --json "$WORK/archives/wget.warc.gz" | jq .records)" 25 "records of the crawl"

say "damaged at many places, the oracle says the same"
# The oracle knows nothing of digests.
WORK=$WORK/damaged COMMAND=$VERIFY python3 "$REPO/tests/cases/jobs/verify.py" "$WORK"/archives/*.gz \
	"$WORK/archives/plain.warc" "$WORK/archives/wget-plain.warc" || fail "the oracle says otherwise"

say "digests tell of a plain archive what lengths cannot: the same bits, with and without them"
python3 - "$WORK/archives" <<'END'
import re, sys
for name in "wget-plain", "wget-digests":
    data = bytearray(open(f"{sys.argv[1]}/{name}.warc", "rb").read())
    at = re.search(rb"(?s)WARC-Type: response.*?\r\n\r\n.*?\r\n\r\n.{30}", data).end()
    data[at] ^= 1
    open(f"{sys.argv[1]}/{name}-flipped.warc", "wb").write(data)
END
assert_exit 0 whole "$VERIFY" "$WORK/archives/wget-plain-flipped.warc"
assert_exit 1 'damaged.*Digest' "$VERIFY" "$WORK/archives/wget-digests-flipped.warc"

say "each of wget's archives, gunzipped by gzip itself, has the same records"
gzip -dc "$WORK/archives/wget.warc.gz" >"$WORK/archives/gunzipped.warc"
assert_eq "$("$VERIFY" --json "$WORK/archives/gunzipped.warc" | jq .records)" "$("$VERIFY" --json "$WORK/archives/wget.warc.gz" | jq .records)" records

say "usage"
assert_exit 100 'no file' "$VERIFY"
assert_exit 100 'one file' "$VERIFY" --from 10 a b
assert_exit 100 'no value' "$VERIFY" --level 3 a
assert_exit 100 'no value' "$VERIFY" --rate 20 a
assert_exit 1 missing "$VERIFY" "$WORK/nothing.warc"

say "on storage: a job, one file, all jobs, a copy"
setup_one_box
mkdir -p "$WORK/box/data/jobs/cold/warcs" "$LOCAL/hc/job/warcs"
conf jobs 'pattern = hc/*'
cp "$WORK/archives/each.warc.gz" "$WORK/box/data/jobs/cold/warcs/a.warc.gz"
head -c 20000 "$WORK/archives/each.warc.gz" >"$WORK/box/data/jobs/cold/warcs/b.warc.gz"
cp "$WORK/archives/wget.warc.gz" "$LOCAL/hc/job/warcs/warc-000001.warc.gz"
start_guardfs
wait_until 15000 backend_is box healthy
assert_exit 1 '2 files: 1 whole, 1 not' ctl verify cold
assert_exit 0 'a.warc.gz: whole' ctl verify "$COLD/warcs/a.warc.gz"
assert_exit 0 '0 files' ctl verify cold --since 2199-01-01
assert_eq "$(ctl verify cold --json | jq -r 'select(.ok | not) | .verdict')" truncated
assert_exit 1 'first [0-9]+ bytes were copied' ctl verify "$COLD/warcs/b.warc.gz" --repair-to "$COLD/warcs/c.warc.gz"
assert_exit 0 'c.warc.gz: whole' ctl verify "$COLD/warcs/c.warc.gz"
assert_exit 1 'file of that name' ctl verify "$COLD/warcs/b.warc.gz" --repair-to "$COLD/warcs/c.warc.gz"
assert_exit 100 'not below' ctl verify /etc
assert_exit 100 'level' ctl verify cold --level 7
touch "$MNT/hc/job/log"
wait_until 15000 jq -e '.jobs[] | select(.name == "hc/job")' "$RUN/status.json"
assert_exit 0 'hc/job/warcs/warc-000001.warc.gz: whole' ctl verify

say "storage is asked, not what this machine remembers: damage behind its back is seen"
cat "$COLD/warcs/a.warc.gz" >"$WORK/read"
printf '\x55\x55\x55\x55' | dd of="$WORK/box/data/jobs/cold/warcs/a.warc.gz" bs=1 seek=5000 conv=notrunc status=none
assert_exit 1 'a.warc.gz: damaged' ctl verify "$COLD/warcs/a.warc.gz"

say "a frozen backend: unknown, within the deadlines of a few calls; one that is known to be down is not touched"
box_freeze
assert_exit 75 unknown ctl verify "$COLD/warcs/a.warc.gz"
wait_down
wait_until 8000 first_route_is_down
start=$(now_ms)
assert_exit 75 'unknown' ctl verify cold
assert_le $(($(now_ms) - start)) 5000 "ms when it is known to be down"
box_thaw
