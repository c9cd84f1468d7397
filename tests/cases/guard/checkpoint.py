#!/usr/bin/env python3
"""A writer on command: checkpoint.py FILE. It reads `write BYTES`, `over BYTES` (from the file's beginning), `fsync` and `close`, and says ok, or the error's name."""
import errno
import os
import sys

fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
at = 0


def carry_out(what, n):
    global at
    if what == "fsync":
        os.fsync(fd)
    elif what == "close":
        os.close(fd)
    else:
        at = 0 if what == "over" else at
        end = at + n
        while at < end:
            at += os.pwrite(fd, os.urandom(min(end - at, 65536)), at)


print("ready", flush=True)
for line in sys.stdin:
    words = line.split()
    try:
        carry_out(words[0], int(words[1]) if len(words) > 1 else 0)
        print("ok", flush=True)
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)
