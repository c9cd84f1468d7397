# Who is in a directory, or has it open, that somebody else has removed, through the mount or on the server, finds nothing there, and
# makes nothing there (ENOENT), as on any file system. It is no trouble of the tier.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

start_with_box_and_dir
mkdir -p "$WORK/bare"
raw_begin

cat >"$WORK/removed.py" <<'END'
import errno, os, shutil, sys, time

place, server, wait = sys.argv[1], sys.argv[2], float(sys.argv[3])
remembered = sys.argv[4:] == ["remembered"]  # attributes may be some seconds old
path = os.path.join(place, "removed")
os.makedirs(os.path.join(path, "sub"))
for name in ("file", "sub/file"):
    open(os.path.join(path, name), "w").close()
fds = [os.open(os.path.join(path, d), os.O_RDONLY) for d in (".", "sub")]
for fd in fds:
    os.stat("file", dir_fd=fd)
os.chdir(path)
shutil.rmtree(os.path.join(server, "removed"))
time.sleep(wait)  # sleep-ok: the case says for how long


def result(call, *args, **more):
    try:
        call(*args, **more)
        return "OK"
    except OSError as e:
        return errno.errorcode[e.errno]


def listing(fd):
    try:
        return os.listdir(fd)
    except OSError as e:
        return errno.errorcode[e.errno]


def here():
    """The working directory itself is looked at when it is opened, and may be found to be gone: by how much time has passed."""
    try:
        return [os.open(".", os.O_PATH)]
    except FileNotFoundError:
        return []


wrong = []
for fd in fds + here():
    for name, call, args in (("stat", os.stat, ("file",)), ("unlink", os.unlink, ("file",)), ("mkdir", os.mkdir, ("new",)), ("rmdir", os.rmdir, ("sub",)),
                             ("create", os.open, ("new", os.O_CREAT | os.O_WRONLY)), ("open", os.open, ("file", os.O_RDONLY)),
                             ("symlink", lambda name, dir_fd: os.symlink("x", name, dir_fd=dir_fd), ("new",))):
        got = result(call, *args, dir_fd=fd)
        if got != "ENOENT" and not (remembered and (name, got) == ("stat", "OK")):
            wrong.append((name, got))
for fd in fds:
    if listing(fd) not in ([], "ENOENT"):
        wrong.append(("list", listing(fd)))
for name in ("file", path):
    got = result(os.stat, name)
    if got != "ENOENT" and not (remembered and got == "OK"):
        wrong.append(("stat by name", name, got))
print(wrong)
sys.exit(bool(wrong))
END

errors=$(backend_field box counters.errors)
say "removed through the mount"
python3 "$WORK/removed.py" "$WORK/bare" "$WORK/bare" 0 || fail "a bare directory"
python3 "$WORK/removed.py" "$MNT/dir" "$MNT/dir" 0 || fail "type dir"
python3 "$WORK/removed.py" "$COLD" "$COLD" 0 || fail "sshfs"
python3 "$WORK/removed.py" "$COLD" "$COLD" 1.2 || fail "sshfs, after the kernel's cache times"
python3 "$WORK/removed.py" "$RAW/jobs" "$RAW/jobs" 0 || echo "raw sshfs: as above"
raw_end

say "removed on the server, seen once nothing is cached any more"
python3 "$WORK/removed.py" "$MNT/dir" "$WORK/store/dir" 1.2 || fail "type dir"
python3 "$WORK/removed.py" "$COLD" "$SERVER" 1.2 remembered || fail "sshfs"
assert_eq "$(backend_field box counters.errors)" "$errors" "errors counted of the backend"

say "it has no links, also when it was looked at just before"
mkdir "$COLD/removed"
python3 - "$COLD/removed" <<'END'
import os, sys

fd = os.open(sys.argv[1], os.O_RDONLY)
os.stat(sys.argv[1])
os.rmdir(sys.argv[1])
sys.exit(os.fstat(fd).st_nlink)
END
