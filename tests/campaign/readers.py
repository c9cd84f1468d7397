"""Readers of the file that a publisher (writers.py) replaces: each read gives one version whole, none older than the last one that was there when it was
opened, none newer than the one being written."""
import os
import struct
import time

from oracle import Calls

SIZES = (0, 8, 700, 4096, 5000, 70000)


def version(number):
    """No two have one size: over sshfs, which tells whole seconds, nothing else tells them apart."""
    size = 64 + 16 * number + SIZES[number % len(SIZES)]
    line = b"%d:" % number
    return (line + b"%08d," % number * (size // 9 + 1))[:size]


def number_of(data):
    try:
        number = int(bytes(data[:20]).split(b":")[0])
    except ValueError:
        return -1
    return number if data == version(number) else -1


def note(scratch, what, number):
    path = os.path.join(scratch, what)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    os.pwrite(fd, struct.pack("<Q", number), 0)
    os.close(fd)


def noted(scratch, what):
    try:
        with open(os.path.join(scratch, what), "rb") as f:
            return struct.unpack("<Q", f.read(8))[0]
    except (FileNotFoundError, struct.error):
        return 0


class Reader:
    kind = "reader"

    def __init__(self, places, name, scratch, rng):
        self.places, self.name, self.scratch, self.random = places, name, scratch, rng
        self.call = Calls()
        self.files = []
        self.counts = {"versions": 0}

    def step(self):
        oldest = noted(self.scratch, "published")
        if not oldest:
            return
        path = os.path.join(self.random.choice(self.places), self.name, "published")
        fd = self.call("open", os.open, path, os.O_RDONLY)
        try:
            got = bytearray()
            while data := self.call("read", os.pread, fd, self.random.choice((4096, 65536, 1 << 20)), len(got)):
                got += data
        finally:
            os.close(fd)
        number, newest = number_of(got), noted(self.scratch, "begun")
        self.counts["versions"] += 1
        if not oldest <= number <= newest:
            self.call.wrong.add("%s: version %d (-1: none whole; %d bytes) was read, of %d to %d", path, number, len(got), oldest, newest)

    def run(self, stopped, pause):
        while not stopped():
            try:
                self.step()
            except OSError:
                time.sleep(0.02)  # sleep-ok: what fails at once would fail all the while
            time.sleep(self.random.random() * pause)  # sleep-ok: the rate of reading
