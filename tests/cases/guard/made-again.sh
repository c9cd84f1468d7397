# What another client has removed is made again by whoever creates it here, at any time after that: whatever the caches on the way remember.
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=4000
start_with_box_and_dir
mkdir -p "$WORK/bare"
raw_begin

cat >"$WORK/again.py" <<'END'
import errno, os, sys, time

place, server = sys.argv[1:]
wrong = []


def result(call, *args):
    try:
        call(*args)
        return "OK"
    except OSError as e:
        return errno.errorcode[e.errno]


def create(path, flags):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o644))


def expect(what, wanted, call, *args):
    got = result(call, *args)
    if got != wanted:
        wrong.append((what, got))


for wait in (0, 1.2, 3):
    def path(name):
        return os.path.join(place, "%s-%s" % (name, wait))

    for name in ("plain", "truncating", "exclusive", "opened", "link", "moved"):
        create(path(name), 0)
        os.stat(path(name))
    os.mkdir(path("directory"))
    os.stat(path("directory"))
    time.sleep(0.3)  # sleep-ok: the caches on the way have it
    for name in ("plain", "truncating", "exclusive", "opened", "link", "moved"):
        os.stat(path(name))
        os.unlink(os.path.join(server, os.path.basename(path(name))))
    os.rmdir(os.path.join(server, os.path.basename(path("directory"))))
    time.sleep(wait)  # sleep-ok: what is asked is at what time it is right
    expect("open, %s" % wait, "ENOENT", os.open, path("opened"), os.O_RDONLY)
    expect("open to create, %s" % wait, "OK", create, path("plain"), 0)
    expect("open to create or truncate, %s" % wait, "OK", create, path("truncating"), os.O_TRUNC)
    expect("exclusive create, %s" % wait, "OK", create, path("exclusive"), os.O_EXCL)
    expect("exclusive create twice, %s" % wait, "EEXIST", create, path("exclusive"), os.O_EXCL)
    expect("symlink, %s" % wait, "OK", os.symlink, "plain", path("link"))
    expect("rename, %s" % wait, "OK", os.rename, path("plain"), path("moved"))
    expect("mkdir, %s" % wait, "OK", os.mkdir, path("directory"))
    expect("mkdir twice, %s" % wait, "EEXIST", os.mkdir, path("directory"))
    expect("create in it, %s" % wait, "OK", create, os.path.join(path("directory"), "file"), os.O_EXCL)
print(wrong)
sys.exit(bool(wrong))
END

python3 "$WORK/again.py" "$WORK/bare" "$WORK/bare" || fail "a bare directory"
python3 "$WORK/again.py" "$MNT/dir" "$WORK/store/dir" || fail "type dir"
python3 "$WORK/again.py" "$RAW/jobs" "$WORK/box/data/jobs" || echo "raw sshfs: as above"
raw_end
python3 "$WORK/again.py" "$COLD" "$SERVER" || fail "sshfs"
assert_eq "$(backend_field box counters.errors)" 0 "errors counted of the backend"
