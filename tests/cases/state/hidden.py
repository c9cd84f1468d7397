"""Counts the names that appear in a directory and begin with .fuse_hidden, until a file DIR/../stop is there: hidden.py DIR STOP COUNT."""
import ctypes
import os
import select
import struct
import sys

IN_MOVED_TO, IN_CREATE = 0x80, 0x100

libc = ctypes.CDLL(None, use_errno=True)
watch = libc.inotify_init1(os.O_NONBLOCK)
if libc.inotify_add_watch(watch, os.fsencode(sys.argv[1]), IN_MOVED_TO | IN_CREATE) < 0:
    raise OSError(ctypes.get_errno(), sys.argv[1])
hidden = 0
while not os.path.exists(sys.argv[2]) or select.select([watch], [], [], 0)[0]:
    if not select.select([watch], [], [], 0.1)[0]:
        continue
    events = os.read(watch, 1 << 16)
    while events:
        length = struct.unpack_from("iIII", events)[3]
        hidden += events[16 : 16 + length].startswith(b".fuse_hidden")
        events = events[16 + length :]
with open(sys.argv[3], "w", encoding="ascii") as file:
    print(hidden, file=file)
