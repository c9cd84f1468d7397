"""file-handles.py COMMAND...: file handles of files and directories (name_to_handle_at(2), open_by_handle_at(2)), for local/file-handles.

encode FILE PATH...   writes the handles of PATHs to FILE
open FILE [ERRNO]     opens each by its handle, says what it has: of a file its content, of a directory its names and path;
                      with ERRNO every one must fail with that
"""
import ctypes
import errno
import os
import pickle
import sys

AT_EMPTY_PATH, AT_FDCWD = 0x1000, -100
libc = ctypes.CDLL(None, use_errno=True)


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("f", ctypes.c_ubyte * 128)]


def encode(path):
    handle, mount = Handle(bytes=128), ctypes.c_int()
    if libc.name_to_handle_at(AT_FDCWD, path.encode(), ctypes.byref(handle), ctypes.byref(mount), 0):
        raise OSError(ctypes.get_errno(), "name_to_handle_at", path)
    return handle.type, bytes(handle.f[: handle.bytes])


def open_handle(mount, kind, data):
    handle = Handle(bytes=len(data), type=kind)
    handle.f[: len(data)] = data
    fd = libc.open_by_handle_at(mount, ctypes.byref(handle), os.O_RDONLY)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "open_by_handle_at")
    return fd


def describe(fd, mount):
    link = os.readlink(f"/proc/self/fd/{fd}")
    if not os.path.isdir(f"/proc/self/fd/{fd}"):
        return os.read(fd, 1000).decode().strip()
    return " ".join(sorted(os.listdir(fd))) + " in " + link.removeprefix(mount)


def main(command, file, *more):
    if command == "encode":
        with open(file, "wb") as out:
            pickle.dump([(path, *encode(path)) for path in more], out)
        return 0
    mount_path, wanted = more[0], more[1:]
    mount = os.open(mount_path, os.O_RDONLY)
    failed = 0
    with open(file, "rb") as saved:
        handles = pickle.load(saved)
    for path, kind, data in handles:
        try:
            fd = open_handle(mount, kind, data)
            got = describe(fd, mount_path)
            os.close(fd)
        except OSError as e:
            got = errno.errorcode[e.errno]
        print(f"{path.removeprefix(mount_path)}: {got}")
        failed += bool(wanted) and got != wanted[0]
    return failed != 0


sys.exit(main(*sys.argv[1:]))
