"""One directory seen at two places, A and B: two-views.py A B. Each check does something through the one and looks through the
other, at once. Prints what was not as it is on one file system with a bind mount, and exits 1 if there was anything."""
import contextlib
import errno
import fcntl
import mmap
import multiprocessing
import os
import sys

A, B = sys.argv[1:3]
wrong = []


def expect(what, got, wanted):
    if got != wanted:
        wrong.append("%s: %.80r instead of %.80r" % (what, got, wanted))


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)


def get(path):
    with open(path, "rb") as f:
        return f.read()


def result(function, *args):
    try:
        return function(*args)
    except OSError as e:
        return errno.errorcode[e.errno]


@contextlib.contextmanager
def opened(path, flags):
    fd = os.open(path, flags, 0o644)
    try:
        yield fd
    finally:
        os.close(fd)


def lock_elsewhere(path, how):
    """What another process is told that wants the lock."""
    def other(queue):
        with opened(path, os.O_RDWR) as fd:
            queue.put(result(how, fd, fcntl.LOCK_EX | fcntl.LOCK_NB))
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=other, args=(queue,))
    process.start()
    got = queue.get(timeout=20)
    process.join()
    return got


def locks():
    put(A + "/locked", b"")
    for how in (fcntl.flock, fcntl.lockf):
        with opened(A + "/locked", os.O_RDWR) as fd:
            how(fd, fcntl.LOCK_EX)
            expect(how.__name__, lock_elsewhere(B + "/locked", how), "EAGAIN")


def appenders():
    put(A + "/log", b"")
    with opened(A + "/log", os.O_WRONLY | os.O_APPEND) as a, opened(B + "/log", os.O_WRONLY | os.O_APPEND) as b:
        for i in range(200):
            os.write(a, b"A%05d\n" % i)
            os.write(b, b"B%05d\n" % i)
    expect("appended", get(A + "/log"), b"".join(b"A%05d\nB%05d\n" % (i, i) for i in range(200)))


def read_at_once():
    put(A + "/read", b"one\n")
    get(B + "/read")
    put(A + "/read", b"two, and longer\n")
    expect("read", get(B + "/read"), b"two, and longer\n")
    expect("size", os.stat(B + "/read").st_size, 16)


def mapped():
    put(A + "/mapped", b"a" * 4096)
    with opened(B + "/mapped", os.O_RDWR) as fd:
        m = mmap.mmap(fd, 4096)
        expect("mapped", m[0:1], b"a")
        with opened(A + "/mapped", os.O_WRONLY) as other:
            os.pwrite(other, b"bbb", 0)
        expect("mapped, written elsewhere", m[0:4], b"bbba")
        m[10:13] = b"ccc"
        m.flush()
        m.close()
    expect("both written", get(A + "/mapped")[:14], b"bbbaaaaaaaccca")


def copy_and_truncate():
    with opened(A + "/cut", os.O_WRONLY | os.O_APPEND | os.O_CREAT) as fd:
        os.write(fd, b"x" * 5000)
        os.truncate(B + "/cut", 0)
        os.write(fd, b"after\n")
    expect("truncated elsewhere", get(A + "/cut"), b"after\n")


def rotated():
    """A log that is renamed at the one place is made anew at the other, not gone on with."""
    put(A + "/rotated", b"before\n")
    get(B + "/rotated")
    with opened(B + "/rotated", os.O_WRONLY | os.O_APPEND) as fd:
        os.rename(A + "/rotated", A + "/rotated.1")
        os.write(fd, b"still\n")
    with opened(B + "/rotated", os.O_WRONLY | os.O_APPEND | os.O_CREAT) as fd:
        os.write(fd, b"anew\n")
    expect("new log", get(A + "/rotated"), b"anew\n")
    expect("old log", get(B + "/rotated.1"), b"before\nstill\n")


def names():
    put(A + "/n", b"1")
    put(B + "/m", b"2")
    for path in (A + "/n", B + "/n", A + "/m", B + "/m"):
        os.stat(path)
    os.rename(B + "/n", B + "/o")
    expect("renamed away", result(os.stat, A + "/n"), "ENOENT")
    expect("renamed", get(A + "/o"), b"1")
    os.rename(A + "/m", A + "/o")
    expect("replaced", get(B + "/o"), b"2")
    expect("exclusive", result(os.open, B + "/o", os.O_CREAT | os.O_EXCL | os.O_WRONLY), "EEXIST")
    os.unlink(B + "/o")
    expect("unlinked", result(os.open, A + "/o", os.O_RDONLY), "ENOENT")
    with opened(A + "/o", os.O_CREAT | os.O_EXCL | os.O_WRONLY) as fd:
        os.write(fd, b"3")
    expect("made anew", get(B + "/o"), b"3")


def held_unlinked():
    put(A + "/held", b"held")
    with opened(B + "/held", os.O_RDONLY) as fd:
        os.unlink(A + "/held")
        expect("unlinked, open", os.pread(fd, 10, 0), b"held")
        put(A + "/held", b"another")
        expect("unlinked, open, made anew", os.pread(fd, 10, 0), b"held")
    expect("made anew", get(B + "/held"), b"another")


def directories():
    os.makedirs(A + "/d/e")
    put(A + "/d/e/f", b"below")
    os.stat(B + "/d/e/f")
    here = os.open(B + "/d/e", os.O_PATH)
    os.rename(A + "/d", A + "/g")
    expect("directory renamed away", result(os.stat, B + "/d"), "ENOENT")
    expect("directory renamed", get(B + "/g/e/f"), b"below")
    expect("from within", get("/proc/self/fd/%d/f" % here), b"below")
    os.rename(B + "/g/e", B + "/e")
    expect("from within, moved", get("/proc/self/fd/%d/f" % here), b"below")
    put("/proc/self/fd/%d/new" % here, b"new")
    expect("made from within", get(A + "/e/new"), b"new")
    os.close(here)
    os.rmdir(B + "/g")
    expect("directory removed", result(os.stat, A + "/g"), "ENOENT")
    os.mkdir(A + "/g")
    expect("directory made anew", os.listdir(B + "/g"), [])
    os.chmod(A + "/g", 0o700)
    expect("mode", os.stat(B + "/g").st_mode, os.stat(A + "/g").st_mode)


def numbers():
    os.makedirs(A + "/i/j", exist_ok=True)
    put(B + "/i/k", b"")
    for name in ("", "/i", "/i/j", "/i/k"):
        expect("number of .%s" % name, os.stat(B + name).st_ino, os.stat(A + name).st_ino)
    listed = [sorted((entry.name, entry.inode()) for entry in os.scandir(place + "/i")) for place in (A, B)]
    expect("numbers listed", listed[1], listed[0])


for check in (locks, appenders, read_at_once, mapped, copy_and_truncate, rotated, names, held_unlinked, directories, numbers):
    try:
        check()
    except OSError as e:
        wrong.append("%s: %s" % (check.__name__, e))
print("\n".join(wrong))
sys.exit(bool(wrong))
