#!/usr/bin/env python3
"""What one program sees of a state file that it rewrites, and what the server has at each step.

    handle.py FILE ON_SERVER
"""
import os
import sys

path = sys.argv[1]


def server():
    with open(sys.argv[2], encoding="ascii") as file:
        return file.read()


def expect(text):
    assert server() == text, f"the server has {server()!r}, expected {text!r}"


expect("third version\n")
fd = os.open(path, os.O_RDWR | os.O_TRUNC)
os.write(fd, b"one")
expect("third version\n")
os.fsync(fd)
expect("one")
os.pwrite(fd, b"two!", 0)
assert os.pread(fd, 100, 0) == b"two!"
expect("one")
os.ftruncate(fd, 3)
os.utime(fd, (1000, 2000))
os.close(fd)
expect("two")
assert os.stat(path).st_mtime == 2000, os.stat(path)
assert os.stat(sys.argv[2]).st_mtime == 2000, os.stat(sys.argv[2])
# Emptied through an open file, then written.
with open(path, "r+", encoding="ascii") as f:
    f.truncate(0)
    expect("two")
    f.write("three")
    f.flush()
    expect("two")
expect("three")
# Appended, and written over in place: as ever.
with open(path, "a", encoding="ascii") as f:
    f.write(" four")
    f.flush()
    os.fsync(f.fileno())
    expect("three four")
with open(path, "r+", encoding="ascii") as f:
    f.write("THREE")
    f.flush()
    os.fsync(f.fileno())
    expect("THREE four")
# Appending to what was emptied.
fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_TRUNC)
os.write(fd, b"THREE")
os.write(fd, b" four")
expect("THREE four")
os.close(fd)
expect("THREE four")
# A child that inherited the file closes it, and ends: it is not whole yet.
fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
os.write(fd, b"half")
if os.fork() == 0:
    os.close(fd)
    os._exit(0)
os.wait()
expect("THREE four")
os.write(fd, b" and whole")
os.close(fd)
expect("half and whole")
# The child alone has it, and closes it.
fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
ready = os.pipe()
if os.fork() == 0:
    os.read(ready[0], 1)
    os.write(fd, b"THREE four")
    os._exit(0)
os.close(fd)
os.write(ready[1], b".")
os.wait()
