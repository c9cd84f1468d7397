# What guardfs finds out about a suspect file agrees with what has been done to it: whole, truncated, with a hole, damaged, missing, changed,
# and "unknown" where nobody can tell. Each file is written by WRITEs of which one meets an error that storage may have carried out all
# the same; then it is finished, or damaged, below the mount. Its limit: a `dir`; the same child reads sshfs and sftp in behind/suspects.
# limit: 240
# long: eight files, each found out about by a look of its own
. "$REPO/tests/lib/lib.sh"

verdict()
{
	ctl suspects --json | jq -r --arg path "cold/$1" '.[] | select(.path == $path) | .verdict'
}

verdict_is()
{
	[[ $(verdict "$1") == "$2" ]]
}

settled_as()
{
	[[ $(ctl suspects --settled --json | jq -r --arg path "cold/$1" '.[] | select(.path == $path) | .verdict') == "$2" ]]
}

# fail_to_write FILE: writes all but the end of the file of that name in WORK, synced, then the end, which meets EIO.
fail_to_write()
{
	fault ''
	python3 - "$WORK/$1" "$COLD/$1" "$WORK/fault" <<'END'
import errno, os, sys, time
data = open(sys.argv[1], "rb").read()
fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT, 0o644)
half = len(data) // 2 // 4096 * 4096  # the kernel hands over the rest as one WRITE
assert os.write(fd, data[:half]) == half
os.fsync(fd)
with open(sys.argv[3] + ".new", "w") as f:
    f.write("write error EIO path=%s\n" % os.path.basename(sys.argv[2]))
os.rename(sys.argv[3] + ".new", sys.argv[3])
time.sleep(0.15)  # sleep-ok: the filter looks every 50 ms
try:
    os.write(fd, data[half:])
    sys.exit("no error")
except OSError as e:
    assert e.errno == errno.EIO, e
END
	fault ''
}

setup_dir 'filter = fault' "fault_control = $WORK/fault"
conf recovery 'settle = no'
start_guardfs
wait_healthy store
python3 - "$WORK" <<'END'
import gzip, os, sys
def record(n):
    body = os.urandom(3000)
    head = b"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:x:%d>\r\nContent-Length: %d\r\n\r\n" % (n, len(body))
    return gzip.compress(head + body + b"\r\n\r\n")
for name in "whole truncated hole damaged missing changed again".split():
    with open("%s/%s.warc.gz" % (sys.argv[1], name), "wb") as f:
        for n in range(20):
            f.write(record(n))
open(sys.argv[1] + "/log", "w").write("a line\n" * 5000)
END

say "files of which a write met an error, and which may have it all the same"
for name in whole.warc.gz truncated.warc.gz hole.warc.gz damaged.warc.gz missing.warc.gz changed.warc.gz again.warc.gz log; do
	fail_to_write "$name"
	wait_until 5000 verdict_is "$name" pending
	assert_eq "$(stat -c %s "$SERVER/$name")" $(($(stat -c %s "$WORK/$name") / 2 / 4096 * 4096)) "bytes of $name on storage"
	cp "$WORK/$name" "$SERVER/$name"
done
: >>"$COLD/again.warc.gz"
size=$(stat -c %s "$WORK/truncated.warc.gz")
truncate -s $((size - 100)) "$SERVER/truncated.warc.gz"
dd if=/dev/zero of="$SERVER/hole.warc.gz" bs=1 seek=$((size / 2 / 4096 * 4096)) count=4096 conv=notrunc status=none
printf 'something else' | dd of="$SERVER/damaged.warc.gz" bs=1 seek=$((size / 2 / 4096 * 4096)) conv=notrunc status=none
rm "$SERVER/missing.warc.gz"
cat "$WORK/whole.warc.gz" >>"$SERVER/changed.warc.gz"

say "they are looked at when that is wished for, by the next guardfs too"
stop_guardfs
sed -i 's/^settle = no/settle = yes/' "$CONF"
start_guardfs
wait_until 30000 settled_as whole.warc.gz whole
wait_until 30000 verdict_is truncated.warc.gz truncated
wait_until 30000 verdict_is hole.warc.gz hole
wait_until 30000 verdict_is damaged.warc.gz damaged
wait_until 30000 verdict_is missing.warc.gz missing
wait_until 30000 verdict_is changed.warc.gz changed
wait_until 30000 verdict_is again.warc.gz unknown
wait_until 30000 verdict_is log unknown
assert_le "$({ ctl suspects --json || true; } | jq '.[] | select(.path == "cold/log") | .whole_to - .ranges[0].from')" 0 "bytes of the lost range that are called whole"
ctl suspects >"$WORK/told" || true
grep -q "truncated at byte $((size - 100)), whole to " "$WORK/told" || fail "$(cat "$WORK/told")"
grep -q 'zeros: bytes ' "$WORK/told" || fail "$(cat "$WORK/told")"
for name in truncated hole damaged; do
	whole_to=$({ ctl suspects --json || true; } | jq --arg path "cold/$name.warc.gz" '.[] | select(.path == $path) | .whole_to')
	assert_ge "$whole_to" 1 "bytes of $name that are whole"
	# The members up to there are just what guardfs-verify finds of the part alone.
	head -c "$whole_to" "$SERVER/$name.warc.gz" >"$WORK/part.warc.gz"
	"$BUILD/guardfs-verify" "$WORK/part.warc.gz" >/dev/null || fail "$name is not whole up to $whole_to"
done

say "one that was missing is put back, and found by the next keeper at once (else within the hour)"
cp "$WORK/missing.warc.gz" "$SERVER/missing.warc.gz"
keeper=$(process_pid keeper)
kill -9 "$keeper"
wait_value 10000 process_pid keeper != "$keeper"
wait_until 30000 settled_as missing.warc.gz whole
