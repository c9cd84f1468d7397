"""Callers who make, link, rename and remove names all the while: reexec-changes.py DIRECTORY SECONDS.

Says how often each was done, and exits 1 if one met an error, or what it made is not what is there."""
import os
import sys
import threading
import time

DIRECTORY, UNTIL = sys.argv[1], time.monotonic() + float(sys.argv[2])
errors = []
counts = {}


def exclusive(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))


def mkdir(place, name):
    os.mkdir(place + name)
    assert os.listdir(place + name) == []
    os.rmdir(place + name)
    assert not os.path.lexists(place + name)


def create(place, name):
    exclusive(place + name)
    assert os.stat(place + name).st_size == 0
    os.unlink(place + name)
    assert not os.path.lexists(place + name)


def symlink(place, name):
    os.symlink("target of " + name, place + name)
    assert os.readlink(place + name) == "target of " + name


def link(place, name):
    if not os.path.exists(place + "source"):
        with open(place + "source", "w") as f:
            f.write("content")
    os.link(place + "source", place + name)
    with open(place + name) as f:
        assert f.read() == "content"


def rename(place, name):
    exclusive(place + name)
    os.rename(place + name, place + name + ".new")
    assert os.path.exists(place + name + ".new") and not os.path.lexists(place + name)


def run(what):
    place = os.path.join(DIRECTORY, what.__name__) + "/"
    os.mkdir(place)
    i = 0
    while time.monotonic() < UNTIL:
        try:
            what(place, "name-%d" % i)
        except (OSError, AssertionError) as e:
            errors.append("%s %d: %s %s" % (what.__name__, i, type(e).__name__, e))
        i += 1
    counts[what.__name__] = i


threads = [threading.Thread(target=run, args=(what,)) for what in (mkdir, create, symlink, link, rename)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(counts)
print("\n".join(errors[:10]))
sys.exit(bool(errors))
