"""Callers who know what their files must hold: chaos.py DIRECTORY[:DIRECTORY...] SECONDS CALLERS [THERE].

Several directories are one directory, seen at several places: each operation takes any of them. Each caller works on a few files and directories of its own, in a tree that moves now and then, and keeps a model of them. What was answered with success must be so from then on. After
EIO an operation may have happened or not; what is read first after that is what it was, and must stay. EIO is the only error
that may come without a reason. THERE is DIRECTORY as another client has it: then one more caller appends to a log to which that client appends as well
(shared_log.py), and, with PUBLISHED in the environment, another one reads a file that it replaces (published.py; PUBLISHED_CACHE: for so many seconds the
kernel may know the old one). Prints the seed, and what was found otherwise, and exits 1 if there was anything. CHAOS_SEED in the
environment: the callers try the same operations again, if their answers are the same."""
import collections
import errno
import multiprocessing
import os
import random
import sys
import time

import published
import shared_log

UNKNOWN = object()
ABSENT = None
DIRECTORY = object()


def difference(got, wanted):
    if ABSENT in (got, wanted):
        return "%.60r instead of %.60r" % (got, wanted)
    at = len(os.path.commonprefix([got, wanted]))
    return "%d bytes instead of %d, from %d: %.40r instead of %.40r" % (len(got), len(wanted), at, got[at:], wanted[at:])


def exclusive(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))


class Caller:
    def __init__(self, places, seed):
        self.random = random.Random(seed)
        self.places = places
        self.directory = places[0]
        self.names = ["file-%d" % i for i in range(6)]
        self.directories = ["directory-%d" % i for i in range(3)]
        self.model = dict.fromkeys(self.names + self.directories, ABSENT)
        self.tree = "tree-0"
        self.held = {}
        self.number = 0
        self.counts = collections.Counter()
        self.wrong = []

    def path(self, name):
        return os.path.join(self.directory, self.tree, name)

    def text(self):
        self.number += 1
        return b"%d," % self.number

    def expect(self, what, name, got):
        wanted = self.model[name]
        if wanted is not UNKNOWN and wanted != got:
            self.wrong.append("%s %s: %s" % (what, self.path(name), difference(got, wanted)))
        self.model[name] = got

    def existed(self, what, name, before, found):
        if before is not UNKNOWN and (before is not ABSENT) != found:
            self.wrong.append("%s %s: found %s, expected the contrary" % (what, self.path(name), found))

    # Whatever fails leaves UNKNOWN behind.

    def find_out(self, error, operation, *names):
        """Does what tells by that error whether the first name is there. Returns whether it was, and what the model had."""
        before = [self.model[name] for name in names]
        self.model.update(dict.fromkeys(names, UNKNOWN))
        done = True
        try:
            operation(*map(self.path, names))
        except error:
            done = False
        found = done == (error is FileNotFoundError)
        self.existed(operation.__name__, names[0], before[0], found)
        return found, before

    def rewrite(self, name):
        data = self.text() * self.random.choice((1, 10, 3000))
        self.model[name] = UNKNOWN
        fd = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            done = 0
            while done < len(data):
                done += os.write(fd, data[done:])
            os.fsync(fd)
        finally:
            os.close(fd)
        self.model[name] = data

    def write_whole(self, fd, name, before):
        data = self.text()
        if os.write(fd, data) != len(data):
            raise OSError(errno.EIO, "a short write")
        return before + data

    def append(self, name):
        before = self.model[name]
        if before is UNKNOWN:
            return
        self.model[name] = UNKNOWN
        fd = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            after = self.write_whole(fd, name, before or b"")
        finally:
            os.close(fd)
        self.model[name] = after

    def append_held(self, name):
        before = self.model[name]
        if before in (UNKNOWN, ABSENT):
            return
        if name not in self.held:
            self.held[name] = os.open(self.path(name), os.O_RDWR | os.O_APPEND)
            return
        self.model[name] = UNKNOWN
        self.model[name] = self.write_whole(self.held[name], name, before)

    def let_go(self, name):
        if name in self.held:
            os.close(self.held.pop(name))

    def truncate(self, name):
        before = self.model[name]
        if before in (UNKNOWN, ABSENT):
            return
        size = self.random.randrange(50)
        self.model[name] = UNKNOWN
        os.truncate(self.path(name), size)
        self.model[name] = before[:size].ljust(size, b"\0")

    def truncate_held(self, name):
        before = self.model[name]
        if before in (UNKNOWN, ABSENT) or name not in self.held:
            return
        size = self.random.randrange(50)
        self.model[name] = UNKNOWN
        os.ftruncate(self.held[name], size)
        self.model[name] = before[:size].ljust(size, b"\0")

    def overwrite(self, name):
        before = self.model[name]
        if before in (UNKNOWN, ABSENT):
            return
        at, data = self.random.randrange(len(before) + 1), self.text()
        self.model[name] = UNKNOWN
        fd = os.open(self.path(name), os.O_WRONLY)
        try:
            if os.pwrite(fd, data, at) != len(data):
                raise OSError(errno.EIO, "a short write")
        finally:
            os.close(fd)
        self.model[name] = before[:at] + data + before[at + len(data):]

    def create(self, name):
        found, (before,) = self.find_out(FileExistsError, exclusive, name)
        self.model[name] = before if found else b""

    def times(self, name):
        if self.model[name] in (UNKNOWN, ABSENT) or name in self.held:
            return
        then = self.random.randrange(1 << 30)
        os.utime(self.path(name), (then, then))
        got = os.stat(self.path(name)).st_mtime
        if got != then:
            self.wrong.append("times %s: %s instead of %s" % (self.path(name), got, then))

    def unlink(self, name):
        self.find_out(FileNotFoundError, os.unlink, name)
        self.model[name] = ABSENT
        self.let_go(name)

    def rename(self, name):
        other = self.random.choice(self.names)
        if other == name:
            return
        # First: whether it was replaced is not known if this fails, and an open file stays the file that it was.
        self.let_go(name)
        self.let_go(other)
        found, (before, replaced) = self.find_out(FileNotFoundError, os.rename, name, other)
        self.model[name], self.model[other] = ABSENT, before if found else replaced

    def read(self, name):
        try:
            with open(self.path(name), "rb") as f:
                got = f.read()
        except FileNotFoundError:
            got = ABSENT
        self.expect("read", name, got)

    def read_held(self, name):
        if name in self.held and self.model[name] is not UNKNOWN:
            got = b""
            while data := os.pread(self.held[name], 1 << 20, len(got)):
                got += data
            self.expect("read held", name, got)

    def stat(self, name):
        try:
            size = os.stat(self.path(name)).st_size
        except FileNotFoundError:
            size = ABSENT
        known = self.model[name]
        if known is not UNKNOWN and size != (ABSENT if known is ABSENT else len(known)):
            self.wrong.append("stat %s: %s, which holds %.60r" % (self.path(name), size, known))

    def list(self, _):
        listed = os.listdir(self.path(""))
        for name in self.model:
            self.existed("list", name, self.model[name], name in listed)

    def make_directory(self, _):
        name = self.random.choice(self.directories)
        self.find_out(FileExistsError, os.mkdir, name)
        self.model[name] = DIRECTORY

    def remove_directory(self, _):
        name = self.random.choice(self.directories)
        self.find_out(FileNotFoundError, os.rmdir, name)
        self.model[name] = ABSENT

    def rename_directory(self, _):
        name, other = self.random.sample(self.directories, 2)
        found, (_, replaced) = self.find_out(FileNotFoundError, os.rename, name, other)
        self.model[name], self.model[other] = ABSENT, DIRECTORY if found else replaced

    def move_tree(self, _):
        old, self.tree = self.path(""), UNKNOWN
        self.number += 1
        new = "tree-%d" % self.number
        os.rename(old, os.path.join(self.directory, new))
        self.tree = new

    def find_tree(self):
        trees = os.listdir(self.directory)
        if len(trees) != 1:
            self.wrong.append("list %s: %s" % (self.directory, trees))
        self.tree = trees[0]

    def run(self, seconds):
        often = [self.rewrite, self.append, self.append_held, self.rename, self.read]
        operations = often * 2 + [
            self.truncate, self.truncate_held, self.overwrite, self.create, self.times, self.unlink, self.read_held, self.stat,
            self.list, self.let_go, self.make_directory, self.remove_directory, self.rename_directory, self.move_tree]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            operation, name = self.random.choice(operations), self.random.choice(self.names)
            self.directory = self.random.choice(self.places)
            try:
                if self.tree is UNKNOWN:
                    self.find_tree()
                operation(name)
                self.counts["OK"] += 1
            except OSError as e:
                self.counts[errno.errorcode[e.errno]] += 1
                if e.errno != errno.EIO:
                    self.wrong.append("%s: %s" % (operation.__name__, e))
                self.drop(name)
                time.sleep(0.02)  # sleep-ok: what fails at once would fail all the while

    def drop(self, name):
        try:
            self.let_go(name)
        except OSError:
            pass  # told already


def share(places, there, seconds, results):
    counts, wrong = shared_log.share(os.path.join(places[-1], "shared-log"), os.path.join(there, "shared-log"), seconds, 30)
    print("shared log:", counts)
    results.put((collections.Counter(), wrong))


def publish(places, there, seconds, results):
    results.put(published.replaced_elsewhere(places, there, seconds, float(os.environ.get("PUBLISHED_CACHE", 0))))


def start(places, seed, seconds, results):
    while True:
        try:
            os.makedirs(os.path.join(places[0], "tree-0"), exist_ok=True)
            break
        except OSError:
            time.sleep(0.05)  # sleep-ok: the rate of trying
    caller = Caller(places, seed)
    caller.run(seconds)
    results.put((caller.counts, caller.wrong))


def main():
    places, seconds, callers = sys.argv[1].split(":"), float(sys.argv[2]), int(sys.argv[3])
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(1 << 30))
    print("seed", seed)
    results = multiprocessing.Queue()
    for i in range(callers):
        his = [os.path.join(place, "caller-%d" % i) for place in places]
        multiprocessing.Process(target=start, args=(his, seed + i, seconds, results)).start()
    others = ()
    if len(sys.argv) > 4:
        others = (share, publish) if os.environ.get("PUBLISHED") else (share,)
        for elsewhere in others:
            multiprocessing.Process(target=elsewhere, args=(places, sys.argv[4], seconds, results)).start()
    counts, wrong = collections.Counter(), []
    for _ in range(callers + len(others)):
        his_counts, his_wrong = results.get()
        counts.update(his_counts)
        wrong += his_wrong
    print(dict(counts))
    print("\n".join(wrong[:20]))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
