"""Writes of one file, and whatever else looks at it or changes it, in random order: order.py MOUNTED SERVER SEED STEPS [grow | append] [small].

A model in memory says what the file has to hold. What is read, asked or listed through the mount agrees with it at every
moment, and what the server has after each close, or sync, is the whole of it. grow: files are never written over, nor cut off: what was
written over, and not synced, makes a file suspect when its connection is lost. append: as grow, and all is appended. small: the kernel hands over each write as
a whole or not at all (a worker that is killed within read(2) leaves it with the kernel, which answers EIO). The number of steps done is written to the file $PROGRESS."""

import os
import random
import sys

mounted, server, seed, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
rng, modes = random.Random(seed), sys.argv[5:]


class File:
    def __init__(self, name):
        self.name, self.content, self.fds = name, bytearray(), []

    def path(self):
        return os.path.join(mounted, self.name)

    def stored(self):
        with open(os.path.join(server, self.name), "rb") as f:
            return f.read()

    def check(self, got, what):
        if got != bytes(self.content):
            at = next((i for i, (a, b) in enumerate(zip(got, self.content)) if a != b), min(len(got), len(self.content)))
            sys.exit(f"seed {seed}: {self.name} {what}: {len(got)} bytes, expected {len(self.content)}, differs at {at}")


def put(f, offset, data):
    if offset > len(f.content):
        f.content.extend(bytes(offset - len(f.content)))
    f.content[offset:offset + len(data)] = data


def data():
    size = rng.choice((1, 7, 100, 4096)) if "small" in modes else rng.choice((1, 7, 100, 4096, 8192, 8192, 70000, 300000, 1 << 20))
    return bytes((rng.randrange(256),)) * (size - 1) + b"\n"


def writer(f, flags=0):
    fds = [fd for fd, kind in f.fds if kind == flags]
    if not fds or rng.random() < 0.1:
        fd = os.open(f.path(), os.O_RDWR | os.O_CREAT | flags, 0o644)
        f.fds.append((fd, flags))
        return fd
    return rng.choice(fds)


def write_at(f):
    offset, d = rng.choice((len(f.content), rng.randrange(len(f.content) + 10000))), data()
    assert os.pwrite(writer(f), d, offset) == len(d)
    put(f, offset, d)


def go_on(f):
    for _ in range(rng.randrange(1, 30)):
        d = data()[:rng.choice((64, 8192))]
        assert os.pwrite(writer(f), d, len(f.content)) == len(d)
        put(f, len(f.content), d)


def append(f):
    d = data()
    assert os.write(writer(f, os.O_APPEND), d) == len(d)
    put(f, len(f.content), d)


def read(f):
    with open(f.path(), "rb") as r:
        f.check(r.read(), "read")


def read_one(f):
    offset = rng.randrange(len(f.content) + 1)
    got = os.pread(writer(f), 5000, offset)
    if got != bytes(f.content[offset:offset + 5000]):
        sys.exit(f"seed {seed}: {f.name} at {offset}: {len(got)} bytes that differ")


def size(f):
    st = rng.choice((lambda: os.stat(f.path()), lambda: os.fstat(writer(f))))()
    if st.st_size != len(f.content):
        sys.exit(f"seed {seed}: {f.name} has {st.st_size} bytes, expected {len(f.content)}")


def truncate(f):
    n = rng.randrange(len(f.content) + 5000)
    os.ftruncate(writer(f), n)
    del f.content[n:]
    f.content.extend(bytes(n - len(f.content)))


def sync(f):
    os.fsync(writer(f))
    f.check(f.stored(), "on the server after fsync")


def close(f):
    if not f.fds:
        return
    fd, _ = f.fds.pop(rng.randrange(len(f.fds)))
    os.close(fd)
    f.check(f.stored(), "on the server after close")


def rename(f):
    new = f"{f.name.split('.')[0]}.{rng.randrange(1000)}"
    os.rename(f.path(), os.path.join(mounted, new))
    f.name = new
    f.check(f.stored(), "on the server after rename")


def times(f):
    os.utime(f.path(), (1000, 2000))
    if os.stat(f.path()).st_mtime != 2000:
        sys.exit(f"seed {seed}: {f.name} does not keep the time that it was given")


def grow(f):
    d = data()
    assert os.pwrite(writer(f), d, len(f.content)) == len(d)
    put(f, len(f.content), d)


files = [File(f"f{i}") for i in range(4)]
deeds = [write_at] * 6 + [go_on] * 4 + [append] * 3 + [read, read_one, size, size, truncate, sync, close, close, rename, times]
if "grow" in modes:
    deeds = [grow if d is write_at else d for d in deeds if d is not truncate]
if "append" in modes:
    deeds = [append if d in (write_at, go_on) else d for d in deeds if d is not truncate]
for f in files:
    os.close(writer(f))
    f.fds.clear()
for step in range(steps):
    rng.choice(deeds)(rng.choice(files))
    if "PROGRESS" in os.environ:
        with open(os.environ["PROGRESS"], "w") as p:
            p.write(f"{step + 1}\n")
for f in files:
    while f.fds:
        close(f)
    f.check(f.stored(), "on the server at the end")
    read(f)
print(f"seed {seed}: {steps} steps, {sum(len(f.content) for f in files)} bytes")
