# durability = behind: what was acknowledged and cannot be brought to storage is told to whoever has the file open, at each write,
# fsync and close, is named as suspect, and never lands later on top of something newer.
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=3000 DEADLINE_SYNC=3000
PATIENCE=0

# outcome COMMAND...: what python says of it.
py()
{
	python3 - "$@"
}

suspects_name()
{
	grep -q "$1" "$MNT/.guardfs/suspects"
}

is_owed()
{
	(($(backend_field "$1" owed_bytes) > 0))
}

is_paid()
{
	(($(backend_field "$1" owed_bytes) == 0))
}

say "storage refuses: the first write is acknowledged, close says why it is not there"
setup_dir 'durability = behind' 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store
fault 'write error ENOSPC path=full'
py "$COLD/full" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
other = os.open(sys.argv[1], os.O_WRONLY)
assert os.write(fd, b"x" * 8192) == 8192
for what in (lambda: os.fsync(fd), lambda: os.fsync(fd), lambda: os.write(fd, b"y"), lambda: os.write(other, b"y"),
             lambda: os.close(fd), lambda: os.close(other)):
    try:
        what()
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
    else:
        sys.exit("no error")
END
assert_eq "$(stat -c %s "$SERVER/full")" 0 "bytes on the server"
assert_eq "$(stat -c %s "$COLD/full")" 0 "bytes that are shown"
suspects_name cold/full || fail "not named: $(cat "$MNT/.guardfs/suspects")"
assert_match "$(grep cold/full "$MNT/.guardfs/suspects")" $'\tlost\t[a-z]+\t0-8191\t8192\t'
assert_eq "$(backend_field store counters.poisoned)" 2 "open files that were told"

say "with room again the file is written as ever"
fault ''
echo anew >"$COLD/full"
assert_content "$SERVER/full" anew

say "storage hangs: close says EIO at its deadline, and what it was about is not written afterwards"
fault 'write hang path=late'
begun=$(now_ms)
py "$COLD/late" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
assert os.write(fd, b"old" * 1000) == 3000
assert os.pwrite(fd, b"old" * 1000, 100000) == 3000
try:
    os.close(fd)
except OSError as e:
    assert e.errno == errno.EIO, e
else:
    sys.exit("no error")
END
assert_le $(($(now_ms) - begun)) $((DEADLINE_SYNC + 2000)) "ms until close was answered"
fault ''
wait_until 10000 is_paid store
wait_healthy store
suspects_name cold/late || fail "not named: $(cat "$MNT/.guardfs/suspects")"
echo new >"$COLD/late"
assert_content "$SERVER/late" new
assert_content "$COLD/late" new

say "a writer that is stopped for nothing: an outage shorter than its deadline is not noticed"
py "$COLD/ride" "$WORK/go" <<'END' &
import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
for i in range(200):
    assert os.write(fd, b"%07d\n" % i) == 8
    if i == 50:
        open(sys.argv[2], "w").close()
    time.sleep(0.005)  # sleep-ok: the rate of writing
os.close(fd)
END
writer=$!
wait_until 10000 test -e "$WORK/go"
fault 'write error ENOTCONN count=3'
wait $writer || fail "the writer saw an error"
fault ''
assert_eq "$(stat -c %s "$SERVER/ride")" 1600 "bytes on the server"
assert_eq "$(sort -u "$SERVER/ride" | wc -l)" 200 "lines"
