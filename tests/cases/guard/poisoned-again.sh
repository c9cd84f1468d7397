# A write is inside when the connection breaks, and has been carried out. It is to be made again, but its file cannot be gone on with: the writer is told EIO, and
# the bytes that are there all the same are no change by somebody else.
. "$REPO/tests/lib/lib.sh"

PATIENCE=5000

verdict_is()
{
	[[ $(ctl suspects --json | jq -r '.[0].verdict') == "$1" ]]
}

setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store
python3 - "$COLD/file" "$WORK/fault" >"$WORK/writer" 2>&1 <<'END'
import os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.pwrite(fd, b"a" * 8192, 0)
os.pwrite(fd, b"b" * 4096, 0)
with open(sys.argv[2] + ".new", "w") as rule:
    rule.write("write lostack ENOTCONN path=file count=1\n")
os.rename(sys.argv[2] + ".new", sys.argv[2])
time.sleep(0.15)  # sleep-ok: as fault() does
try:
    print(os.pwrite(fd, b"c" * 4096, 20480))
except OSError as e:
    print(e.strerror)
END
assert_content "$WORK/writer" 'Input/output error'
assert_eq "$(stat -c %s "$SERVER/file")" 24576 "the file's size on the server"
wait_healthy store
assert_eq "$({ ctl suspects --json || true; } | jq -c '.[0].ranges | map([.from, .to])')" '[[0,8192],[20480,24576]]' "the suspect's ranges"
wait_until 10000 verdict_is unknown
