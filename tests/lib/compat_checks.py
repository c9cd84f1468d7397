"""What people rely upon of a mount made by sshfs: compat_checks.py SERVER MOUNT, two views of one directory. Each check stands alone; all run."""
import errno
import os
import stat
import sys
import time
import traceback

server, mount = sys.argv[1:3]
number = 0


def fresh():
    global number
    number += 1
    return f"check-{os.getpid()}-{number}"


def here(name):
    return os.path.join(mount, name)


def there(name):
    return os.path.join(server, name)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def fails(number, call, *arguments):
    try:
        call(*arguments)
    except OSError as e:
        assert e.errno == number, f"{errno.errorcode.get(e.errno)} instead of {errno.errorcode[number]}"
    else:
        raise AssertionError(f"no error instead of {errno.errorcode[number]}")


def settle():
    """The longest time for which a name is kept."""
    if len(sys.argv) < 4:
        time.sleep(1.1)  # sleep-ok: there is nothing to poll for


def sees_what_the_server_makes():
    name = fresh()
    os.mkdir(there(name))
    settle()
    write(there(name) + "/file", b"x" * 70000)
    os.mkdir(there(name) + "/dir")
    assert sorted(os.listdir(here(name))) == ["dir", "file"]
    assert read(here(name) + "/file") == b"x" * 70000
    assert stat.S_ISDIR(os.stat(here(name) + "/dir").st_mode)


def figures_are_the_servers():
    ours, its = os.statvfs(mount), os.statvfs(server)
    assert (ours.f_frsize, ours.f_blocks, ours.f_namemax) == (its.f_frsize, its.f_blocks, its.f_namemax)


def writes_reach_the_server():
    name = fresh()
    data = os.urandom(300000)
    write(here(name), data)
    assert read(there(name)) == data
    fd = os.open(here(name), os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"more")
    os.fsync(fd)
    assert read(there(name)) == data + b"more", "an fsync has returned"
    os.close(fd)


def holes_and_places():
    name = fresh()
    fd = os.open(here(name), os.O_CREAT | os.O_WRONLY)
    os.lseek(fd, 5, os.SEEK_SET)
    os.write(fd, b"world")
    os.lseek(fd, 7, os.SEEK_SET)
    os.write(fd, b"RL")
    fails(errno.EBADF, os.read, fd, 1)
    os.close(fd)
    assert read(here(name)) == b"\0\0\0\0\0woRLd" == read(there(name))


def lengths_by_name_and_by_file():
    name = fresh()
    write(here(name), b"0123456789")
    for length in (4, 20):
        os.truncate(here(name), length)
        assert os.stat(here(name)).st_size == os.stat(there(name)).st_size == length
    with open(here(name), "rb+") as f:
        f.truncate(7)
        assert os.fstat(f.fileno()).st_size == 7
    assert read(there(name)) == b"0123\0\0\0"


def directories():
    name = fresh()
    os.mkdir(here(name))
    fails(errno.EEXIST, os.mkdir, here(name))
    assert os.listdir(here(name)) == []
    write(here(name) + "/file", b"")
    fails(errno.ENOTEMPTY, os.rmdir, here(name))
    os.unlink(here(name) + "/file")
    os.rmdir(here(name))
    fails(errno.ENOENT, os.stat, here(name))
    assert name not in os.listdir(mount) and name not in os.listdir(server)


def many_names_twice():
    name = fresh()
    os.mkdir(here(name))
    os.chmod(here(name), 0o777)
    want = sorted(f"file-{i:04}" for i in range(500))
    for n in want:
        write(there(name) + "/" + n, b"")
    assert sorted(os.listdir(here(name))) == want
    assert sorted(os.listdir(here(name))) == want


def renames_replace():
    a, b, c = fresh(), fresh(), fresh()
    write(here(a), b"a")
    write(here(b), b"b")
    write(here(c), b"c")
    os.rename(here(a), here(b))
    fails(errno.ENOENT, os.stat, here(a))
    assert (read(here(b)), read(there(b)), read(here(c))) == (b"a", b"a", b"c")
    fd = os.open(here(c), os.O_RDWR)
    os.rename(here(c), here(a))
    os.write(fd, b"C")
    os.close(fd)
    assert read(there(a)) == b"C"
    fails(errno.ENOENT, os.rename, here(fresh()), here(a))


def modes_are_set():
    name = fresh()
    write(here(name), b"")
    for mode in (0o600, 0o644, 0o755):
        os.chmod(here(name), mode)
        assert stat.S_IMODE(os.stat(here(name)).st_mode) == stat.S_IMODE(os.stat(there(name)).st_mode) == mode


def times_are_set():
    name = fresh()
    write(here(name), b"")
    os.utime(here(name), (1000000000, 1100000000))
    for path in (here(name), there(name)):
        assert (int(os.stat(path).st_atime), int(os.stat(path).st_mtime)) == (1000000000, 1100000000)
    os.utime(here(name))
    assert abs(os.stat(there(name)).st_mtime - time.time()) < 600, "both clocks are this machine's"


def symbolic_links():
    name = fresh()
    os.symlink("/imaginary/target", here(name))
    assert os.readlink(here(name)) == os.readlink(there(name)) == "/imaginary/target"
    assert stat.S_ISLNK(os.lstat(here(name)).st_mode) and name in os.listdir(mount)
    fails(errno.ENOENT, os.stat, here(name))
    os.unlink(here(name))
    assert name not in os.listdir(mount) and name not in os.listdir(server)


def hard_links():
    a, b = fresh(), fresh()
    write(here(a), b"one")
    os.link(here(a), here(b))
    assert read(here(b)) == b"one" and os.path.samefile(there(a), there(b))
    os.unlink(here(a))
    fails(errno.ENOENT, os.stat, here(a))
    assert read(here(b)) == b"one"


def removed_while_open():
    name = fresh()
    with open(here(name), "wb+", buffering=0) as f:
        f.write(b"foo")
        os.unlink(here(name))
        fails(errno.ENOENT, os.stat, here(name))
        assert name not in os.listdir(mount)
        f.write(b"bar")
        f.seek(0)
        assert f.read() == b"foobar"
    assert not [n for n in os.listdir(server) if n.startswith(".fuse_hidden")], "something was left"


def removed_on_the_server():
    name = fresh()
    write(there(name), b"x")
    settle()
    assert name in os.listdir(mount)
    os.unlink(here(name))
    assert not os.path.exists(there(name))
    fails(errno.ENOENT, os.unlink, here(name))


def exclusive_creation():
    name = fresh()
    fails(errno.ENOENT, os.stat, here(name))
    os.close(os.open(here(name), os.O_CREAT | os.O_EXCL | os.O_RDWR))
    st = os.lstat(here(name))
    assert (stat.S_ISREG(st.st_mode), st.st_size, st.st_nlink) == (True, 0, 1)
    fails(errno.EEXIST, os.open, here(name), os.O_CREAT | os.O_EXCL | os.O_RDWR)


def new_names_are_seen():
    """Also at once, where nothing is to be kept (dir_cache=no)."""
    name = fresh()
    assert name not in os.listdir(mount)
    fails(errno.ENOENT, os.stat, here(name))
    write(there(name), b"x")
    settle()
    assert name in os.listdir(mount)
    assert os.stat(here(name)).st_size == 1


failed = 0
for name, check in list(globals().items()):
    if not callable(check) or check.__module__ != "__main__" or name in ("fresh", "here", "there", "write", "read", "fails", "settle"):
        continue
    try:
        check()
    except Exception:
        failed += 1
        print(f"FAILED: {name}")
        traceback.print_exc(file=sys.stdout)
sys.exit(failed != 0)
