#!/usr/bin/env python3
"""Rewrites FILE as it is told line by line on standard input, and answers each line with "ok" or an errno's name.

    writer.py FILE

open (O_TRUNC), write TEXT (and a line's end), sync, close, exit.
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
        elif word == "sync":
            os.fsync(fd)
        elif word == "close":
            os.close(fd)
        print("ok", flush=True)
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)
