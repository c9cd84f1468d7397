# A listing shows the inode numbers that stat(2) shows, those of "." and ".." too: on the local tier, in guarded directories on a dir and on
# an sshfs, at the roots of routes, and in .guardfs/backends.
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$WORK/store/dir"
conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store" "expose = $WORK/exposed"
echo "$WORK/cold/store/dir $MNT/local/dir" >>"$WORK/manifest"
mkdir -p "$LOCAL/local/deep" "$WORK/exposed"
start_guardfs
wait_healthy
wait_healthy store

cat >"$WORK/numbers.py" <<'END'
import ctypes, os, struct, sys

SYS_getdents64 = 217
libc = ctypes.CDLL(None, use_errno=True)


def listing(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    buf, found = ctypes.create_string_buffer(65536), {}
    while (n := libc.syscall(SYS_getdents64, fd, buf, len(buf))) > 0:
        at = 0
        while at < n:
            ino, _, length = struct.unpack_from("QqH", buf.raw, at)
            found[buf.raw[at + 19:at + length].split(b"\0")[0].decode()] = ino
            at += length
    os.close(fd)
    return found


wrong = 0
for path in sys.argv[1:]:
    # What was renamed keeps its number as long as it is known; a route's target on a dir has its own once it was looked at.
    held = [os.open(os.path.join(path, name), os.O_PATH | os.O_NOFOLLOW) for name in os.listdir(path)]
    for fd in held:
        os.fstat(fd)
    shown = listing(path)
    for name, ino in sorted(shown.items()):
        # Above the root of a mount lies what is mounted upon: other numbers.
        if name == ".." and os.path.ismount(path):
            continue
        real = os.lstat(os.path.join(path, name)).st_ino
        if real != ino:
            print(f"{path}: {name}: listed as {ino:#x}, is {real:#x}")
            wrong += 1
    for fd in held:
        os.close(fd)
    if "." not in shown or ".." not in shown:
        print(f"{path}: without . or ..: {sorted(shown)}")
        wrong += 1
sys.exit(bool(wrong))
END

for dir in "$COLD" "$MNT/local/dir"; do
	mkdir -p "$dir/a/b/c"
	touch "$dir/a/file" "$dir/a/b/renamed"
	mv "$dir/a/b/renamed" "$dir/a/b/now"
	mv "$dir/a/b/c" "$dir/a/b/d"
done
for round in 1 2; do
	python3 "$WORK/numbers.py" "$MNT" "$MNT/local" "$MNT/local/deep" "$COLD" "$COLD/a" "$COLD/a/b" "$COLD/a/b/d" \
		"$MNT/local/dir" "$MNT/local/dir/a" "$MNT/local/dir/a/b" "$MNT/.guardfs" "$MNT/.guardfs/backends" \
		"$MNT/.guardfs/backends/box" "$MNT/.guardfs/backends/box/jobs" "$MNT/.guardfs/backends/box/jobs/cold/a" \
		"$WORK/exposed" "$WORK/exposed/dir" || fail "round $round"
	kill -9 "$(process_pid worker)"
done
