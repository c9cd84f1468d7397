"""Counts the round trips that a caller waits for, by a clock: trips.py ROUND_TRIP_MS NAME=DIR:BACKING... Prints a line for each operation, with a
number for each place: the quicker of two times, in round trips. What is looked at is made behind the mount, unless the operation makes it."""
import os
import sys
import time

rtt = float(sys.argv[1]) / 1000
places = [(p.split("=")[0], *p.split("=")[1].split(":")) for p in sys.argv[2:]]
MIB = b"x" * (1 << 20)


def put(path, data=b"x" * 4096):
    with open(path, "wb") as f:
        f.write(data)


def write_new(path, data, sync=False):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(fd, data)
    if sync:
        os.fsync(fd)
    os.close(fd)


def read_all(path):
    fd = os.open(path, os.O_RDONLY)
    while os.read(fd, 1 << 20):
        pass
    os.close(fd)


def listing(path):
    with os.scandir(path) as entries:
        for e in entries:
            os.lstat(e.path)


def many(n):
    def make(path):
        os.mkdir(path)
        for i in range(n):
            put("%s/f%d" % (path, i), b"")

    return make


def nothing(path):
    pass


OPERATIONS = [
    ("lstat of a file", put, os.lstat),
    ("lstat of a missing name", nothing, lambda p: os.path.lexists(p)),
    ("open, read 4 KiB, close", put, read_all),
    ("open, read 8 MiB, close", lambda p: put(p, MIB * 8), read_all),
    ("create, write 4 KiB, close", nothing, lambda p: write_new(p, b"x" * 4096)),
    ("the same, with fsync", nothing, lambda p: write_new(p, b"x" * 4096, True)),
    ("create, write 1 MiB, close", nothing, lambda p: write_new(p, MIB)),
    ("mkdir", nothing, os.mkdir),
    ("lstat, unlink", put, lambda p: (os.lstat(p), os.unlink(p))),
    ("lstat, rename", put, lambda p: (os.lstat(p), os.rename(p, p + "-to"))),
    ("lstat, chmod", put, lambda p: (os.lstat(p), os.chmod(p, 0o600))),
    ("lstat, utimes", put, lambda p: (os.lstat(p), os.utime(p, (1e9, 1e9)))),
    ("symlink", nothing, lambda p: os.symlink("x", p)),
    ("lstat, readlink", lambda p: os.symlink("x", p), lambda p: (os.lstat(p), os.readlink(p))),
    ("list 50 files, lstat each", many(50), listing),
    ("list 400 files, lstat each", many(400), listing),
]

for number, (name, make, run) in enumerate(OPERATIONS):
    counts = []
    for place, directory, backing in places:
        took = []
        for again in range(2):
            path = "/trips-%d-%d" % (number, again)
            make(backing + path)
            os.stat(directory)
            began = time.monotonic()
            run(directory + path)
            took.append(time.monotonic() - began)
        counts.append("%s %.1f" % (place, min(took) / rtt))
    print("trips: %s: %s" % (name, ", ".join(counts)), flush=True)
