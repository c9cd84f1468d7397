"""Changes through the mount, of which the first run is to be lost: changes.py MOUNTED SERVED OPERATION...

Exits 1, having said what is wrong, if its caller sees an error, or the directory as it is served is not as it should be."""
import errno
import os
import stat
import sys
import threading
import time

MOUNTED, SERVED = sys.argv[1:3]
HERE = THERE = None


def put(path, text):
    with open(path, "w") as f:
        f.write(text)


def get(path):
    with open(path) as f:
        return f.read()


def mkdir():
    os.mkdir(HERE, 0o750)
    assert os.listdir(THERE) == [] and stat.S_IMODE(os.stat(THERE).st_mode) == 0o750
    put(HERE + "/inside", "x")


def create_exclusively():
    fd = os.open(HERE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    os.write(fd, b"written")
    os.close(fd)
    assert get(THERE) == "written" and stat.S_IMODE(os.stat(THERE).st_mode) == 0o640


def create():
    put(HERE, "written")
    assert get(THERE) == "written"


def truncate_by_open():
    put(THERE, "before and long")
    put(HERE, "after")
    assert get(THERE) == "after"


def mknod():
    os.mknod(HERE, 0o600 | stat.S_IFIFO)
    assert stat.S_ISFIFO(os.stat(THERE).st_mode)


def symlink():
    os.symlink("target of it", HERE)
    assert os.readlink(THERE) == "target of it" == os.readlink(HERE)


def link():
    put(THERE + ".old", "content")
    os.link(HERE + ".old", HERE)
    assert os.path.samefile(THERE, THERE + ".old") and get(HERE) == "content"


def unlink():
    put(THERE, "content")
    os.unlink(HERE)
    assert not os.path.lexists(THERE) and not os.path.lexists(HERE)


def rmdir():
    os.mkdir(THERE)
    os.rmdir(HERE)
    assert not os.path.lexists(THERE) and not os.path.lexists(HERE)


def rename():
    put(THERE, "content")
    os.rename(HERE, HERE + ".new")
    assert not os.path.lexists(THERE) and get(THERE + ".new") == "content" == get(HERE + ".new")


def replace():
    put(THERE, "new")
    put(THERE + ".kept", "old")
    os.rename(HERE, HERE + ".kept")
    assert not os.path.lexists(THERE) and get(THERE + ".kept") == "new" == get(HERE + ".kept")


def chmod():
    put(THERE, "")
    os.chmod(HERE, 0o400)
    assert stat.S_IMODE(os.stat(THERE).st_mode) == 0o400


def truncate():
    put(HERE, "long content")
    with open(HERE, "r+") as f:
        f.truncate(4)
        f.seek(0)
        f.write("x")
    assert get(THERE) == "xong"


def read_only(what, wanted):
    got = what(HERE)
    assert got == wanted, got


def copy():
    put(THERE, "content")
    with open(HERE) as a, open(HERE + ".copy", "w") as b:
        assert os.copy_file_range(a.fileno(), b.fileno(), 100) == 7
    assert get(THERE + ".copy") == "content"


def foreign(operation, make, error):
    """While the caller waits, another client makes something else."""
    def meanwhile():
        time.sleep(0.4)  # sleep-ok: until the first run has failed; the next connection is made after a second
        make()
    other = threading.Thread(target=meanwhile)
    other.start()
    try:
        operation()
    except OSError as e:
        assert e.errno == error, e
    else:
        raise AssertionError("it was taken for ours")
    other.join()


def foreign_mkdir():
    def make():
        os.mkdir(THERE)
        put(THERE + "/theirs", "")
    foreign(lambda: os.mkdir(HERE), make, errno.EEXIST)
    assert os.listdir(THERE) == ["theirs"]


def foreign_create():
    foreign(lambda: os.open(HERE, os.O_WRONLY | os.O_CREAT | os.O_EXCL), lambda: put(THERE, "theirs"), errno.EEXIST)
    assert get(THERE) == "theirs"


def foreign_symlink():
    foreign(lambda: os.symlink("ours", HERE), lambda: os.symlink("their target", THERE), errno.EEXIST)
    assert os.readlink(THERE) == "their target"


OTHERS = {
    "stat": lambda: (put(THERE, "1234"), read_only(lambda path: os.stat(path).st_size, 4)),
    "read": lambda: (put(THERE, "1234"), read_only(get, "1234")),
    "readlink": lambda: (os.symlink("a target", THERE), read_only(os.readlink, "a target")),
    "list": lambda: (os.mkdir(THERE), put(THERE + "/entry", ""), read_only(os.listdir, ["entry"])),
}

failed = False
for operation in sys.argv[3:]:
    HERE, THERE = (os.path.join(where, "%s-%d" % (operation, os.getpid())) for where in (MOUNTED, SERVED))
    try:
        OTHERS.get(operation, globals().get(operation))()
    except (OSError, AssertionError) as e:
        print("%s: %s: %s" % (operation, type(e).__name__, e))
        failed = True
sys.exit(failed)
