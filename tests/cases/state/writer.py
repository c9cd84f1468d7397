#!/usr/bin/env python3
"""Rewrites FILE as it is told line by line on standard input, and answers each line with "ok" or an errno's name.

    writer.py FILE

open (O_TRUNC), write TEXT (and a line's end), fill N CHARACTER (so many KiB), time N (mtime), seek (to the end: which must be at N), empty
(ftruncate), sync, close, exit.
"""
import errno
import os
import sys

fd = -1
for line in sys.stdin:
    word, _, text = line.rstrip("\n").partition(" ")
    try:
        if word == "exit":
            sys.exit(0)
        if word == "open":
            fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        elif word == "write":
            os.write(fd, text.encode() + b"\n")
        elif word == "fill":
            n, character = text.split()
            data = character.encode() * (int(n) << 10)
            if os.write(fd, data) != len(data):
                print("short", flush=True)
                continue
        elif word == "time":
            os.utime(fd, (int(text), int(text)))
        elif word == "seek":
            at = os.lseek(fd, 0, os.SEEK_END)
            if at != int(text):
                print(at, flush=True)
                continue
        elif word == "empty":
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
        elif word == "sync":
            os.fsync(fd)
        elif word == "close":
            os.close(fd)
        print("ok", flush=True)
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)
