"""A file that is replaced by rename again and again, as everybody writes state files, and its readers: each read gives one version whole."""
import collections
import errno
import os
import random
import time

SIZES = (0, 10, 36, 700, 4096, 5000, 70000, 300000)


def version(number, size):
    """No two are of the same size: over sshfs, which tells whole seconds, nothing else may tell them apart."""
    line = b"%d %d " % (number, size)
    return line + (b"%d." % number * size)[:size] + b"." * number + b"\n"


def number_of(data):
    """Which version it is; -1: no whole one."""
    try:
        number, size = map(int, data[:30].split(b" ")[:2])
    except ValueError:
        return -1
    return number if data == version(number, size) else -1


def replace(directory, number, size):
    temporary = os.path.join(directory, ".published.tmp")
    with open(temporary, "wb") as f:
        f.write(version(number, size))
    os.rename(temporary, os.path.join(directory, "published"))


def read_all(fd):
    data = b""
    while piece := os.pread(fd, 65536, len(data)):
        data += piece
    return data


def read(directory):
    fd = os.open(os.path.join(directory, "published"), os.O_RDONLY)
    try:
        return number_of(read_all(fd))
    finally:
        os.close(fd)


def replaced_elsewhere(places, there, seconds):
    """Another client replaces the file in `there`; it is read in one of the places, in trouble of all kinds. Returns counts and what was wrong."""
    counts, wrong, last, written = collections.Counter(), [], 0, 1
    end = time.monotonic() + seconds
    replace(there, written, 10)
    while time.monotonic() < end:
        if random.random() < 0.4:
            written += 1
            replace(there, written, random.choice(SIZES))
        before = written
        try:
            number = read(random.choice(places))
            counts["published"] += 1
            if number != before:
                wrong.append("published: version %d (-1: none) was read after %d was there" % (number, before))
        except OSError as e:
            counts["published " + errno.errorcode[e.errno]] += 1
            if e.errno != errno.EIO:
                wrong.append("published: %s" % e)
        time.sleep(0.01)  # sleep-ok: the rate of reading
    return counts, wrong
