# A write for which storage has no room may have left a part of itself: the file is listed as suspect, with the range, and what has become of it is
# found out: cut off within the part, or whole where the write has left nothing.
. "$REPO/tests/lib/lib.sh"

# try FILE SIZE: writes and syncs 8192 bytes, leaves room for SIZE more, writes 65536, and expects ENOSPC.
try()
{
	python3 - "$COLD/$1" "$WORK/small/fill" "$2" <<'END'
import errno, os, sys
path, fill, room = sys.argv[1:]
fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
assert os.write(fd, b"a" * 8192) == 8192
os.fsync(fd)
with open(fill, "wb", buffering=0) as f:
    try:
        while True:
            f.write(b"x" * 4096)
    except OSError:
        pass
os.truncate(fill, os.stat(fill).st_size - int(room))
try:
    # Of several requests some may have been made: the last one says it.
    while True:
        os.write(fd, b"b" * 65536)
except OSError as e:
    assert e.errno == errno.ENOSPC, e
os.close(fd)
os.unlink(fill)
END
}

verdict_of()
{
	{ ctl suspects --json || true; ctl suspects --settled --json; } | jq -r --arg path "cold/$1" '.[] | select(.path == $path) | .verdict'
}

mkdir "$WORK/small"
mount -t tmpfs -o size=2m small "$WORK/small"
mkdir "$WORK/small/cold"
box_start box 2222 "$WORK/small"
conf_begin
conf_box box
conf_tier box/cold cold
COLD=$MNT/cold SERVER=$WORK/small/cold
start_guardfs
wait_until 15000 backend_is box healthy
try part.warc.gz 12288
assert_eq "$(stat -c %s "$SERVER/part.warc.gz")" 20480 "bytes on storage"
try nothing.log 0
assert_eq "$(stat -c %s "$SERVER/nothing.log")" 8192 "bytes on storage"
assert_match "$(cat "$MNT/.guardfs/suspects")" $'\tfailed\t[a-z]+\t8192-73727\t8192\t'
wait_value 20000 verdict_of part.warc.gz == damaged
wait_value 20000 verdict_of nothing.log == whole
stop_guardfs
box_kill
umount "$WORK/small"
