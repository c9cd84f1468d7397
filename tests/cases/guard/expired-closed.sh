# A write is inside a server that freezes, its connection is ended, and its deadline passes while it waits to be run again. Its caller is told EIO and closes
# the file at once. The server may have made the write all the same: the file is suspect.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=4000 DEADLINE_SYNC=4000 DEADLINE_METADATA=3000 DEADLINE_READ=3000 PROBE_TIMEOUT=800 PROBE_INTERVAL=500

is_listed()
{
	grep -q $'\tfailed\t.*\t4096-8191\t.*cold/file$' "$MNT/.guardfs/suspects"
}

cat >"$WORK/writer.py" <<'END'
import errno, os, sys

fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(fd, bytes(8192))
os.fsync(fd)
print("synced", flush=True)
sys.stdin.readline()
try:
    os.pwrite(fd, b"x" * 4096, 4096)
    print("written")
except OSError as e:
    print(errno.errorcode[e.errno])
os.close(fd)
END

setup_one_box
start_guardfs
wait_healthy
mkfifo "$WORK/go"
python3 "$WORK/writer.py" "$COLD/file" <"$WORK/go" >"$WORK/writer.out" &
writer=$!
exec 7>"$WORK/go"
wait_until 10000 grep -q synced "$WORK/writer.out"
box_freeze
echo >&7
wait "$writer"
assert_eq "$(tail -n 1 "$WORK/writer.out")" EIO
wait_until 10000 is_listed
box_thaw
