#!/usr/bin/env python3
"""Appends beside another client's: append.py PART HERE THERE. HERE is a directory of the mount, THERE the same one as the other client has
it. Each part says what is wrong and exits 1 if anything is."""
import errno
import fcntl
import mmap
import os
import re
import sys
import threading

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def check(condition, text):
    if not condition:
        sys.exit("wrong: " + text)


def content(path):
    with open(path, "rb") as f:
        return f.read()


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)


def expect(path, wanted, what):
    got = content(path)
    check(got == wanted, "%s: %.80r... (%d bytes) instead of %.80r... (%d bytes)" % (what, got, len(got), wanted, len(wanted)))


def both(here, there, name, flags=0):
    put(there + "/" + name, b"")
    return os.open(here + "/" + name, APPEND | flags), os.open(there + "/" + name, APPEND)


def turns(here, there):
    """Two appenders in turns, files kept open: what either wrote is there, in order, and is read here whole at once."""
    ours, theirs = both(here, there, "turns")
    wanted = b""
    for i in range(50):
        os.write(ours, b"A%05d\n" % i)
        os.write(theirs, b"B%05d\n" % i)
        wanted += b"A%05d\nB%05d\n" % (i, i)
        if i % 10 == 0:
            os.write(ours, b"look\n")
            wanted += b"look\n"
            expect(here + "/turns", wanted, "read right after an append")
            check(os.stat(here + "/turns").st_size == len(wanted), "size after an append")
    expect(there + "/turns", wanted, "what there is")
    os.close(ours)
    os.close(theirs)
    expect(here + "/turns", wanted, "what is read here")


def at_once(here, there):
    """The same at full speed from two sides."""
    ours, theirs = both(here, there, "at-once")

    def write(fd, letter):
        for i in range(300):
            os.write(fd, b"%s%05d\n" % (letter, i))

    other = threading.Thread(target=write, args=(theirs, b"B"))
    other.start()
    write(ours, b"A")
    other.join()
    os.close(ours)
    lines = content(there + "/at-once").split()
    for letter in b"AB":
        check([l for l in lines if l[0] == letter] == [b"%c%05d" % (letter, i) for i in range(300)], "lines of %c" % letter)
    check(len(lines) == 600, "%d lines" % len(lines))


def cut(here, there):
    """Cut off by the other one (copytruncate): the next line lies at the new end; so do those of a file that has grown again."""
    ours, theirs = both(here, there, "cut")
    os.write(ours, b"x" * 5000)
    os.truncate(there + "/cut", 0)
    os.write(ours, b"after\n")
    expect(there + "/cut", b"after\n", "after a truncation")
    expect(here + "/cut", b"after\n", "read after a truncation")
    os.write(theirs, b"theirs\n")
    os.write(ours, b"again\n")
    expect(there + "/cut", b"after\ntheirs\nagain\n", "grown again")


def setfl(here, there):
    """O_APPEND is what it is at the moment of the write."""
    path = here + "/setfl"
    put(there + "/setfl", b"0123456789")
    fd = os.open(path, os.O_RDWR | os.O_APPEND)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_APPEND)
    os.pwrite(fd, b"AB", 2)
    expect(there + "/setfl", b"01AB456789", "by offset, O_APPEND taken away")
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND)
    os.pwrite(fd, b"CD", 2)
    expect(there + "/setfl", b"01AB456789CD", "appended, O_APPEND given back")
    os.close(fd)
    fd = os.open(path, os.O_RDWR)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND)
    with open(there + "/setfl", "ab", buffering=0) as other:
        other.write(b"theirs")
    os.write(fd, b"EF")
    expect(there + "/setfl", b"01AB456789CDtheirsEF", "appended, O_APPEND given later")
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_APPEND)
    os.pwrite(fd, b"G", 0)
    os.ftruncate(fd, 12)
    os.fsync(fd)
    expect(there + "/setfl", b"G1AB456789CD", "by offset again")
    os.close(fd)


def direct(here, there):
    """O_DIRECT goes to the end as well."""
    ours, theirs = both(here, there, "direct", os.O_DIRECT)
    page = mmap.mmap(-1, 4096)
    page.write(b"d" * 4096)
    os.write(theirs, b"theirs\n")
    check(os.write(ours, page) == 4096, "a short write")
    os.write(theirs, b"theirs\n")
    check(os.write(ours, page) == 4096, "a short write")
    expect(there + "/direct", (b"theirs\n" + b"d" * 4096) * 2, "O_DIRECT")


def big(here, there):
    """Big appends beside another's lines: no byte of either is lost, and each has its own in order."""
    ours, theirs = both(here, there, "big")
    ended = threading.Event()
    n = 0

    def lines():
        nonlocal n
        while not ended.is_set():
            os.write(theirs, b"<%06d>" % n)
            n += 1
            ended.wait(0.001)

    other = threading.Thread(target=lines)
    other.start()
    blocks = [b"%c" % (97 + i) * ((1 << 20) + i) for i in range(4)]
    for block in blocks:
        done = 0
        while done < len(block):
            done += os.write(ours, block[done:])
    os.close(ours)
    ended.set()
    other.join()
    got = content(there + "/big")
    check(re.findall(rb"<\d+>", got) == [b"<%06d>" % i for i in range(n)], "the other's lines")
    check(re.sub(rb"<\d+>", b"", got) == b"".join(blocks), "the big blocks")


def mapped(here, there):
    """What is written through a mapping of a file opened for appending goes where it belongs; copy_file_range refuses such a file."""
    put(there + "/mapped", b"." * 8192)
    fd = os.open(here + "/mapped", os.O_RDWR | os.O_APPEND)
    os.write(fd, b"end")
    with mmap.mmap(fd, 8192) as m:
        m[4096:4100] = b"here"
        m.flush()
    expect(there + "/mapped", b"." * 4096 + b"here" + b"." * 4092 + b"end", "written through a mapping")
    source = os.open(here + "/mapped", os.O_RDONLY)
    try:
        os.copy_file_range(source, fd, 4)
        check(False, "copy_file_range to a file that is appended to")
    except OSError as e:
        check(e.errno == errno.EBADF, "copy_file_range: %s" % e)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_APPEND)
    os.copy_file_range(source, fd, 4, 4096, 0)
    expect(there + "/mapped", b"here" + b"." * 4092 + b"here" + b"." * 4092 + b"end", "copied by offset")


globals()[sys.argv[1]](*sys.argv[2:])
