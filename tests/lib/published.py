"""A file that is replaced by rename again and again, as everybody writes state files, and its readers: each read gives one version whole."""
import collections
import errno
import os
import random
import time

SIZES = (0, 8, 32, 704, 4096, 5000, 70000, 300000)  # what a version of each kind has beyond the shortest
KINDS = range(len(SIZES))


def version(number, kind):
    """No two are of the same size: over sshfs, which tells whole seconds, nothing else may tell them apart. The rest by the count of kinds is the
    kind, and that leaves one number."""
    length = len(SIZES) * (number + 3) + SIZES[kind] + kind
    line = b"%d %d " % (number, kind)
    return (line + b"%d." % number * (length // 2 + 1))[:length - 1] + b"\n"


def number_of(data):
    """Which version it is; -1: no whole one."""
    try:
        number, kind = map(int, data[:30].split(b" ")[:2])
    except ValueError:
        return -1
    return number if kind in KINDS and data == version(number, kind) else -1


def replace(directory, number, kind):
    temporary = os.path.join(directory, ".published.tmp")
    with open(temporary, "wb") as f:
        f.write(version(number, kind))
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


def replaced_elsewhere(places, there, seconds, cache):
    """Another client replaces the file in `there`; it is read in one of the places, in trouble of all kinds. For `cache` seconds the kernel may go on
    with the file that it knows, as long as somebody has that open. Returns counts and what was wrong."""
    counts, wrong, written = collections.Counter(), [], 1
    replaced = {}  # when each version was
    end = time.monotonic() + seconds
    replace(there, written, 0)
    while time.monotonic() < end:
        if random.random() < 0.4:
            replaced[written] = time.monotonic()
            written += 1
            replace(there, written, random.choice(KINDS))
        before, begun = written, time.monotonic()
        try:
            number = read(random.choice(places))
            counts["published"] += 1
            if number != before and not begun - replaced.get(number, -cache) < cache:
                wrong.append("published: version %d (-1: none) was read after %d was there" % (number, before))
        except OSError as e:
            counts["published " + errno.errorcode[e.errno]] += 1
            if e.errno != errno.EIO:
                wrong.append("published: %s" % e)
        time.sleep(0.01)  # sleep-ok: the rate of reading
    return counts, wrong
