#!/usr/bin/env python3
"""What POSIX says of names, attributes and links, asked of a directory: posix_checks.py DIRECTORY. As root.

The classes are those of the public suite (docs/TESTING.md, "The public suite"), in words of our own. Prints a line "CLASS NAME"
for each check that failed, with the reason after a tab, then "checks N".
"""
import errno
import os
import socket
import stat
import sys
import time

CHECKS = []
HERE = None


def check(kind, name):
    def add(function):
        CHECKS.append((kind, name, function))
        return function

    return add


def path(name=""):
    return os.path.join(HERE, name)


def make(name, text=b"text", mode=0o644):
    fd = os.open(path(name), os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    os.write(fd, text)
    os.close(fd)
    os.chmod(path(name), mode)
    return path(name)


def same(got, want, what):
    if got != want:
        raise AssertionError("%s: %s instead of %s" % (what, got, want))


def fails(want, function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except OSError as e:
        same(errno.errorcode.get(e.errno), errno.errorcode[want], function.__name__)
        return
    raise AssertionError("%s succeeded, expected %s" % (function.__name__, errno.errorcode[want]))


def as_user(uid, gid, function, *arguments):
    """The function's error's name as another user, or OK."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        word = "OK"
        try:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            function(*arguments)
        except OSError as e:
            word = errno.errorcode.get(e.errno, str(e.errno))
        os.write(w, word.encode())
        os._exit(0)
    os.waitpid(pid, 0)
    word = os.read(r, 100).decode()
    os.close(r)
    os.close(w)
    return word


def fields(p):
    return os.lstat(p)


def mode_of(p):
    return stat.S_IMODE(fields(p).st_mode)


# Kinds of objects. They take a name.
MAKERS = {
    "file": make,
    "directory": lambda n: os.mkdir(path(n)),
    "fifo": lambda n: os.mkfifo(path(n)),
    "character device": lambda n: os.mknod(path(n), stat.S_IFCHR | 0o644, os.makedev(1, 3)),
    "block device": lambda n: os.mknod(path(n), stat.S_IFBLK | 0o644, os.makedev(7, 200)),
    "socket": lambda n: socket.socket(socket.AF_UNIX).bind(path(n)),
    "link": lambda n: os.symlink("nowhere", path(n)),
}


def each_kind(kind, what, but=()):
    """A check for each kind of object: function(kind's path)."""

    def add(function):
        for name, maker in MAKERS.items():
            if name in but:
                continue

            def run(name=name, maker=maker):
                maker("object")
                function(path("object"))

            CHECKS.append((kind, "%s: %s" % (what, name), run))
        return function

    return add


# ---- chmod ----


@each_kind("chmod", "mode is changed", but=("link",))
def _(p):
    os.chmod(p, 0o111)
    same(oct(mode_of(p)), oct(0o111), "mode")


@check("chmod", "the time of change goes on")
def _():
    p = make("f")
    before = fields(p).st_ctime
    time.sleep(1.1)  # sleep-ok: times of a server have whole seconds
    os.chmod(p, 0o600)
    if fields(p).st_ctime <= before:
        raise AssertionError("st_ctime stands still")


@check("chmod", "set-group-ID and set-user-ID bits of a file")
def _():
    p = make("f")
    os.chmod(p, 0o6755)
    same(oct(mode_of(p)), oct(0o6755), "mode")


@check("chmod", "the sticky bit of a directory")
def _():
    os.mkdir(path("d"))
    os.chmod(path("d"), 0o1777)
    same(oct(mode_of(path("d"))), oct(0o1777), "mode")


@check("chmod", "another user may not")
def _():
    p = make("f")
    same(as_user(65534, 65534, os.chmod, p, 0o600), "EPERM", "chmod")


@check("chmod", "a name below a file")
def _():
    make("f")
    fails(errno.ENOTDIR, os.chmod, path("f/x"), 0o600)


@check("chmod", "no such name")
def _():
    fails(errno.ENOENT, os.chmod, path("absent"), 0o600)


# ---- chown ----


@each_kind("chown", "owner and group are changed")
def _(p):
    os.lchown(p, 123, 456)
    same((fields(p).st_uid, fields(p).st_gid), (123, 456), "owner")


@check("chown", "the owner alone")
def _():
    p = make("f")
    os.chown(p, 123, -1)
    same((fields(p).st_uid, fields(p).st_gid), (123, 0), "owner")


@check("chown", "the group alone")
def _():
    p = make("f")
    os.chown(p, -1, 456)
    same((fields(p).st_uid, fields(p).st_gid), (0, 456), "owner")


@check("chown", "set-id bits go when another user's file is given to another group")
def _():
    p = make("f")
    os.chown(p, 65534, 65534)
    os.chmod(p, 0o6555)
    same(as_user(65534, 65534, os.chown, p, 65534, 65534), "OK", "chown")
    same(oct(mode_of(p)), oct(0o555), "mode")


@check("chown", "another user may not")
def _():
    p = make("f")
    same(as_user(65534, 65534, os.chown, p, 65534, 65534), "EPERM", "chown")


@check("chown", "through a link, the target's")
def _():
    p = make("f")
    os.symlink("f", path("l"))
    os.chown(path("l"), 77, 77)
    same(fields(p).st_uid, 77, "the target's owner")
    same(fields(path("l")).st_uid, 0, "the link's owner")


# ---- link ----


@each_kind("link", "one inode, and a count of two", but=("directory",))
def _(p):
    os.link(p, path("second"), follow_symlinks=False)
    same(fields(p).st_nlink, 2, "count of links")
    same(fields(p).st_ino, fields(path("second")).st_ino, "inode")


@each_kind("link", "the second name has what the first has", but=("directory",))
def _(p):
    os.link(p, path("second"), follow_symlinks=False)
    same(fields(path("second")).st_mode, fields(p).st_mode, "mode")
    os.unlink(p)
    fails(errno.ENOENT, os.lstat, p)
    os.lstat(path("second"))


@check("link", "attributes of one name are those of the other")
def _():
    p = make("f")
    os.link(p, path("g"))
    os.chmod(path("g"), 0o600)
    same(oct(mode_of(p)), oct(0o600), "mode")


@check("link", "written through one name, read through the other")
def _():
    p = make("f")
    os.link(p, path("g"))
    with open(p, "ab") as f:
        f.write(b" more")
    with open(path("g"), "rb") as f:
        same(f.read(), b"text more", "content")


@check("link", "of a directory")
def _():
    os.mkdir(path("d"))
    fails(errno.EPERM, os.link, path("d"), path("e"))


@check("link", "the name is there")
def _():
    make("f")
    make("g")
    fails(errno.EEXIST, os.link, path("f"), path("g"))


# ---- mkdir, mkfifo, mknod, symlink, open: what is made ----


@each_kind("make", "it belongs to its maker, and its directory has another time", but=())
def _(p):
    same((fields(p).st_uid, fields(p).st_gid), (0, 0), "owner")


def by_another_user(name, maker):
    os.chmod(HERE, 0o777)
    same(as_user(65534, 65533, maker, "his"), "OK", "making")
    st = fields(path("his"))
    same((st.st_uid, st.st_gid), (65534, 65533), "owner")


for _name, _maker in MAKERS.items():
    if "device" not in _name:
        CHECKS.append(("make", "by another user, it is his: " + _name, lambda n=_name, m=_maker: by_another_user(n, m)))


@each_kind("make", "the name is there")
def _(p):
    for name in ("file", "directory", "link"):
        fails(errno.EEXIST, MAKERS[name], "object")


@check("make", "umask")
def _():
    before = os.umask(0o27)
    try:
        os.mkdir(path("d"), 0o777)
        os.close(os.open(path("f"), os.O_CREAT | os.O_WRONLY, 0o666))
    finally:
        os.umask(before)
    same((oct(mode_of(path("d"))), oct(mode_of(path("f")))), (oct(0o750), oct(0o640)), "modes")


@check("make", "in a set-group-ID directory")
def _():
    os.mkdir(path("d"))
    os.chown(path("d"), 0, 456)
    os.chmod(path("d"), 0o2775)
    make("d/f")
    os.mkdir(path("d/e"))
    same(fields(path("d/f")).st_gid, 456, "group of a file")
    same(fields(path("d/e")).st_gid, 456, "group of a directory")


@check("make", "a name too long, a path with a file in it, a name in nothing")
def _():
    make("f")
    for maker in (make, MAKERS["directory"], MAKERS["link"]):
        fails(errno.ENAMETOOLONG, maker, "x" * 256)
        fails(errno.ENOTDIR, maker, "f/x")
        fails(errno.ENOENT, maker, "absent/x")


@check("make", "in another user's directory")
def _():
    os.mkdir(path("d"), 0o755)
    for n in ("file", "directory", "link"):
        same(as_user(65534, 65534, MAKERS[n], "d/x"), "EACCES", n)


# ---- rename ----


@each_kind("rename", "the same object, under another name")
def _(p):
    before = fields(p)
    os.rename(p, path("other"))
    after = fields(path("other"))
    same((after.st_mode, after.st_ino, after.st_nlink), (before.st_mode, before.st_ino, before.st_nlink), "object")
    fails(errno.ENOENT, os.lstat, p)


@each_kind("rename", "over a file", but=("directory",))
def _(p):
    make("old")
    kind = fields(p).st_mode
    os.rename(p, path("old"))
    same(fields(path("old")).st_mode, kind, "mode")


@check("rename", "one of two links over the other changes nothing")
def _():
    make("f")
    os.link(path("f"), path("g"))
    os.rename(path("f"), path("g"))
    os.lstat(path("f"))
    os.lstat(path("g"))


@check("rename", "of a directory, over one that is empty and one that is not")
def _():
    os.mkdir(path("d"))
    os.mkdir(path("e"))
    os.mkdir(path("n"))
    make("n/f")
    os.rename(path("d"), path("e"))
    fails(errno.ENOTEMPTY, os.rename, path("e"), path("n"))


@check("rename", "kinds that do not fit")
def _():
    os.mkdir(path("d"))
    make("f")
    fails(errno.EISDIR, os.rename, path("f"), path("d"))
    fails(errno.ENOTDIR, os.rename, path("d"), path("f"))
    fails(errno.EINVAL, os.rename, path("d"), path("d/e"))


@check("rename", "out of another user's sticky directory")
def _():
    os.mkdir(path("d"))
    os.chmod(path("d"), 0o1777)
    make("d/f")
    same(as_user(65534, 65534, os.rename, path("d/f"), path("d/g")), "EPERM", "rename")


@check("rename", "of an open file, which goes on")
def _():
    make("f")
    with open(path("f"), "r+b", 0) as f:
        os.rename(path("f"), path("g"))
        f.write(b"TEXT")
        same(os.fstat(f.fileno()).st_size, 4, "size")
    with open(path("g"), "rb") as f:
        same(f.read(), b"TEXT", "content")


# ---- unlink, rmdir ----


@each_kind("unlink", "it is gone", but=("directory",))
def _(p):
    os.unlink(p)
    fails(errno.ENOENT, os.lstat, p)


@check("unlink", "of a directory")
def _():
    os.mkdir(path("d"))
    fails(errno.EISDIR, os.unlink, path("d"))


@check("unlink", "the count of an open file is 0")
def _():
    make("f")
    with open(path("f"), "rb") as f:
        os.unlink(path("f"))
        same(os.fstat(f.fileno()).st_nlink, 0, "count of links")
        same(f.read(), b"text", "content")


@check("unlink", "one of two names: the count of the other")
def _():
    make("f")
    os.link(path("f"), path("g"))
    os.unlink(path("f"))
    same(fields(path("g")).st_nlink, 1, "count of links")


@check("unlink", "in another user's directory, and in a sticky one")
def _():
    os.mkdir(path("d"), 0o755)
    make("d/f")
    same(as_user(65534, 65534, os.unlink, path("d/f")), "EACCES", "unlink")
    os.chmod(path("d"), 0o1777)
    same(as_user(65534, 65534, os.unlink, path("d/f")), "EPERM", "unlink")


@check("rmdir", "of one that is not empty, of a file, of nothing")
def _():
    os.mkdir(path("d"))
    make("d/f")
    fails(errno.ENOTEMPTY, os.rmdir, path("d"))
    fails(errno.ENOTDIR, os.rmdir, path("d/f"))
    fails(errno.ENOENT, os.rmdir, path("absent"))


@check("rmdir", "with an open file that is unlinked")
def _():
    os.mkdir(path("d"))
    make("d/f")
    with open(path("d/f"), "rb"):
        os.unlink(path("d/f"))
        os.rmdir(path("d"))


@check("rmdir", "a directory's count of links")
def _():
    os.mkdir(path("d"))
    os.mkdir(path("d/e"))
    same(fields(path("d")).st_nlink, 3, "count of links")


# ---- symlink ----


@check("symlink", "its text")
def _():
    for text in ("there", "../up", "/absolute/../path", "x" * 1000):
        os.symlink(text, path("l"))
        same(os.readlink(path("l")), text, "text")
        os.unlink(path("l"))


@check("symlink", "a loop")
def _():
    os.symlink("b", path("a"))
    os.symlink("a", path("b"))
    fails(errno.ELOOP, os.stat, path("a"))


@check("symlink", "its size is the text's length")
def _():
    os.symlink("there", path("l"))
    same(fields(path("l")).st_size, 5, "size")


# ---- truncate, open ----


@check("truncate", "longer, shorter, and times")
def _():
    p = make("f", b"0123456789")
    os.truncate(p, 20)
    same(fields(p).st_size, 20, "size")
    os.truncate(p, 5)
    with open(p, "rb") as f:
        same(f.read(), b"01234", "content")


@check("truncate", "another user's file, a directory, nothing")
def _():
    p = make("f", mode=0o644)
    same(as_user(65534, 65534, os.truncate, p, 1), "EACCES", "truncate")
    os.mkdir(path("d"))
    fails(errno.EISDIR, os.truncate, path("d"), 1)
    fails(errno.ENOENT, os.truncate, path("absent"), 1)


@check("truncate", "set-id bits go when another user writes")
def _():
    p = make("f")
    os.chmod(p, 0o6777)
    same(as_user(65534, 65534, os.truncate, p, 1), "OK", "truncate")
    same(oct(mode_of(p)), oct(0o777), "mode")


@check("open", "exclusively, of each kind")
def _():
    for name in ("file", "directory", "link"):
        MAKERS[name]("o." + name)
        fails(errno.EEXIST, os.open, path("o." + name), os.O_CREAT | os.O_EXCL | os.O_WRONLY)


@check("open", "a link with O_NOFOLLOW, a directory for writing, a file as a directory")
def _():
    make("f")
    os.symlink("f", path("l"))
    os.mkdir(path("d"))
    fails(errno.ELOOP, os.open, path("l"), os.O_RDONLY | os.O_NOFOLLOW)
    fails(errno.EISDIR, os.open, path("d"), os.O_WRONLY)
    fails(errno.ENOTDIR, os.open, path("f"), os.O_RDONLY | os.O_DIRECTORY)


@check("open", "a fifo without a reader")
def _():
    os.mkfifo(path("p"))
    fails(errno.ENXIO, os.open, path("p"), os.O_WRONLY | os.O_NONBLOCK)


@check("open", "O_TRUNC empties")
def _():
    p = make("f")
    os.close(os.open(p, os.O_WRONLY | os.O_TRUNC))
    same(fields(p).st_size, 0, "size")


@check("open", "a file of mode 0 that is made for writing")
def _():
    fd = os.open(path("f"), os.O_CREAT | os.O_WRONLY, 0)
    os.write(fd, b"x")
    os.close(fd)
    same(oct(mode_of(path("f"))), oct(0), "mode")


# ---- utimensat ----


@each_kind("times", "both are set", but=())
def _(p):
    os.utime(p, (1000000000, 1100000000), follow_symlinks=False)
    same((fields(p).st_atime, fields(p).st_mtime), (1000000000, 1100000000), "times")


@check("times", "nanoseconds")
def _():
    p = make("f")
    os.utime(p, ns=(1000000000123456789, 1100000000987654321))
    same(fields(p).st_mtime_ns, 1100000000987654321, "st_mtime_ns")


@check("times", "one alone")
def _():
    p = make("f")
    os.utime(p, (1000000000, 1100000000))
    os.system("touch -a -d @1200000000 '%s'" % p)
    same((fields(p).st_atime, fields(p).st_mtime), (1200000000, 1100000000), "times")
    os.system("touch -m -d @1300000000 '%s'" % p)
    same((fields(p).st_atime, fields(p).st_mtime), (1200000000, 1300000000), "times")


@check("times", "0")
def _():
    p = make("f")
    os.utime(p, (0, 0))
    same((fields(p).st_atime, fields(p).st_mtime), (0, 0), "times")


@check("times", "before 1970")
def _():
    p = make("f")
    os.utime(p, (-1000, -1000))
    same(fields(p).st_mtime, -1000, "time")


@check("times", "after 2106")
def _():
    p = make("f")
    os.utime(p, (4400000000, 4400000000))
    same(fields(p).st_mtime, 4400000000, "time")


@check("times", "another user may set them to now if he may write, and to nothing else")
def _():
    p = make("f", mode=0o666)
    same(as_user(65534, 65534, os.utime, p), "OK", "to now")
    same(as_user(65534, 65534, os.utime, p, (1, 1)), "EPERM", "to another time")


def main():
    global HERE
    top = sys.argv[1]
    os.umask(0o22)
    for number, (kind, name, function) in enumerate(CHECKS):
        HERE = os.path.join(top, "check%d" % number)
        os.mkdir(HERE)
        try:
            function()
        except (AssertionError, OSError) as e:
            print("%s %s\t%s" % (kind, name, str(e).replace(top, "")))
    print("checks %d" % len(CHECKS))


main()
