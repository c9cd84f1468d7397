"""set-times.py [--open | --removed] FILE ATIME MTIME: utimensat(2) with seconds, "now" or "omit". Prints the errno's name if it fails.
--open: by an open file; --removed: by one whose name is taken away before (and the times are looked at through it)."""
import ctypes
import errno
import os
import sys

UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2


class Timespec(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("nsec", ctypes.c_long)]


def timespec(word):
    special = {"now": UTIME_NOW, "omit": UTIME_OMIT}
    return Timespec(0, special[word]) if word in special else Timespec(int(word), 0)


how = sys.argv.pop(1) if sys.argv[1].startswith("--") else None
path, times = sys.argv[1], (Timespec * 2)(*map(timespec, sys.argv[2:4]))
libc = ctypes.CDLL(None, use_errno=True)
if how:
    fd = os.open(path, os.O_RDWR)
    before = os.fstat(fd).st_mtime
    if how == "--removed":
        os.unlink(path)
    rc = libc.futimens(fd, times)
    if rc == 0 and how == "--removed":
        now = os.fstat(fd)
        assert (now.st_atime, now.st_mtime) == (int(sys.argv[2]), before), (now.st_atime, now.st_mtime)
else:
    rc = libc.utimensat(-100, path.encode(), times, 0)
if rc:
    print(errno.errorcode[ctypes.get_errno()])
