"""Those who write, each with files of its own of which it keeps the oracle (oracle.py). A writer that is told of an error closes the file and goes on with
another one, as crawlers do, or writes the same anew, as people do."""
import gzip
import mmap
import os
import random
import shutil
import subprocess
import time

from oracle import Calls, File

LARGEST = 768 * 1024


def warc_member(rng, number):
    """One gzip member with one record, as a crawler writes it."""
    body = rng.randbytes(rng.choice((200, 1500, 1500, 6000, 40000)))
    head = (b"WARC/1.1\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:uuid:%032x>\r\nWARC-Target-URI: urn:n:%d\r\nContent-Length: %d\r\n\r\n"
            % (rng.getrandbits(128), number, len(body)))
    return gzip.compress(head + body + b"\r\n\r\n", 1, mtime=0)


class Writer:
    kind = "?"
    ACCESS = os.O_WRONLY

    def __init__(self, places, name, seed, scratch):
        """places: directories that are the same one; name: of its own directory therein; scratch: a local directory."""
        self.random = random.Random(seed)
        self.call = Calls()
        self.places = places
        self.name = name
        self.scratch = scratch
        self.files = []
        self.number = 0
        self.device = None
        self.fd = None
        self.file = None
        self.counts = {"written": 0, "synced": 0, "told": 0}

    # -- paths --

    def path(self, name):
        return os.path.join(self.random.choice(self.places), self.name, name)

    def two_paths(self, a, b):
        """Seen at one place: nothing is renamed or linked from one to another."""
        place = os.path.join(self.random.choice(self.places), self.name)
        return os.path.join(place, a), os.path.join(place, b)

    def new_name(self, suffix):
        self.number += 1
        return "%04d%s" % (self.number, suffix)

    def make_directory(self):
        while True:
            try:
                self.call("open", os.makedirs, self.path(""), exist_ok=True)
                return
            except OSError:
                time.sleep(0.05)  # sleep-ok: the rate of trying

    # -- calls that keep the oracle --

    def open_new(self, suffix, flags=0):
        file = File(self.kind, self.new_name(suffix))
        self.files.append(file)
        file.names = {"%s/%s" % (self.name, name) for name in file.names}
        file.ever = set(file.names)
        path = self.path(next(iter(file.names)).split("/", 1)[1])
        try:
            self.fd = self.call("open", os.open, path, self.ACCESS | os.O_CREAT | os.O_EXCL | flags, 0o644)
        except OSError as e:
            file.tell("open", e.errno)
            self.fd = None
            self.pause()
            return None
        file.certain = True
        self.file = file
        return file

    def write(self, file, data, offset, appends=False):
        """All of data, in as many calls as it takes. Raises OSError, the oracle knowing."""
        data = memoryview(data)
        while data:
            try:
                n = self.call("write", os.write, self.fd, data) if appends else self.call("write", os.pwrite, self.fd, data, offset)
            except OSError as e:
                file.failed(offset, data)
                file.tell("write", e.errno)
                raise
            file.wrote(offset, data[:n])
            self.counts["written"] += n
            if n < len(data):
                # The kernel has made several requests of it, of which one failed: that much was told.
                file.failed(offset + n, data[n:])
                file.tell("write", 0)
                raise OSError(5, "a short write")
            data, offset = data[n:], offset + n

    def sync(self, file):
        try:
            self.call("sync", self.random.choice((os.fsync, os.fdatasync)), self.fd)
        except OSError as e:
            file.tell("sync", e.errno)
            raise
        file.sync()
        self.counts["synced"] += 1

    def cut(self, file, size):
        try:
            self.call("truncate", os.ftruncate, self.fd, size)
        except OSError as e:
            file.cut_failed(size)
            file.tell("truncate", e.errno)
            raise
        file.cut(size)

    def close(self):
        """True if it was told of nothing."""
        fd, file, self.fd, self.file = self.fd, self.file, None, None
        if fd is None:
            return True
        try:
            self.call("close", os.close, fd)
        except OSError as e:
            if file:
                file.tell("close", e.errno)
                file.close()
            return False
        if file:
            file.close()
        return True

    def give_up(self):
        """After an error: closed, which may say it once more."""
        self.counts["told"] += 1
        self.close()
        self.pause()

    def pause(self):
        time.sleep(0.08)  # sleep-ok: what fails at once would fail all the while

    # -- looking --

    def look(self, file):
        """Reads back a file of which everything is known."""
        if file.told or not file.is_whole() or not file.certain or not file.names:
            return
        if 0 in file.synced and os.path.exists(os.environ.get("CAMPAIGN_CUTS", "")):
            return  # the server has lost what was not synced
        name = self.random.choice(sorted(file.names)).split("/", 1)[1]
        path = self.path(name)
        if self.random.random() < 0.3:
            size = self.call("stat", os.stat, path).st_size
            if size != len(file.content):
                file.seen.append("stat %s: %d bytes instead of %d" % (path, size, len(file.content)))
            return
        got = self.read(path)
        if got != file.content:
            file.seen.append("read %s: %d bytes instead of %d, wrong at %s" % (path, len(got), len(file.content), file.difference(got)[0][:4]))

    def read(self, path):
        fd = self.call("open", os.open, path, os.O_RDONLY)
        try:
            got = bytearray()
            while data := self.call("read", os.pread, fd, 1 << 20, len(got)):
                got += data
            return got
        finally:
            os.close(fd)

    def check_device(self):
        device = self.call("stat", os.stat, self.places[0]).st_dev
        if self.device not in (None, device):
            self.call.wrong.add("st_dev of %s is %d, it was %d", self.places[0], device, self.device)
        self.device = device

    # -- the loop --

    def step(self):
        raise NotImplementedError

    def finish(self):
        """All trouble is over: closed as a program does at its end."""
        self.close()

    def run(self, stopped, pause):
        self.make_directory()
        while not stopped():
            try:
                if self.random.random() < 0.03:
                    self.check_device()
                if self.files and self.random.random() < 0.15:
                    self.look(self.random.choice(self.files[-3:]))
                self.step()
            except OSError:
                self.give_up()
            time.sleep(self.random.random() * pause)  # sleep-ok: the rate of writing
        try:
            self.finish()
        except OSError:
            self.give_up()


class Warc(Writer):
    """Appends members; some are synced. With O_APPEND or by offset."""
    kind = "warc"

    def step(self):
        if self.fd is None:
            self.appends = self.random.random() < 0.5
            if not self.open_new(".warc.gz", os.O_APPEND if self.appends else 0):
                return
        member, at = warc_member(self.random, self.number), len(self.file.content)
        pieces = self.random.choice((1, 1, 2, 3))
        size = len(member) // pieces + 1
        for i in range(0, len(member), size):
            self.write(self.file, member[i:i + size], at + i, self.appends)
        if self.random.random() < 0.15:
            self.sync(self.file)
        if len(self.file.content) > self.random.randrange(LARGEST):
            if self.random.random() < 0.5:
                self.sync(self.file)
            self.close()

    def give_up(self):
        file = self.file
        super().give_up()
        if file and file.certain and self.random.random() < 0.3:
            self.write_anew(file)

    def write_anew(self, file):
        """Everything that it should hold once more, over whatever is there: nothing of what failed may come after that."""
        data = bytes(file.content)
        name = next(iter(file.names)).split("/", 1)[1]
        self.file = file
        file.begun_again += 1
        try:
            self.fd = self.call("open", os.open, self.path(name), os.O_WRONLY)
            self.write(file, data, 0)
            self.cut(file, len(data))
            self.sync(file)
        except OSError as e:
            file.tell("anew", e.errno)
        self.close()


class State(Writer):
    """Rewrites one file in place, emptied first, as crawlers do with what they need to go on."""
    kind = "state"

    def step(self):
        name = ".archive_state.json"
        if not self.files:
            file = File(self.kind, "%s/%s" % (self.name, name))
            self.files.append(file)
        file = self.file = self.files[0]
        self.number += 1
        text = b'{"generation": %d, "done": [%s]}\n' % (self.number, b", ".join(
            b"%d" % (self.number * 7 + i) for i in range(self.random.choice((3, 40, 3000)))))
        try:
            self.fd = self.call("open", os.open, self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        except OSError as e:
            file.cut_failed(0)
            file.tell("open", e.errno)
            raise
        file.certain = True
        file.cut(0)
        self.write(file, text, 0)
        if self.random.random() < 0.5:
            self.sync(file)
        if self.close():
            file.told = []  # a whole new content: what was told was about another one
        else:
            self.pause()


class Publish(Writer):
    """Writes a version beside, syncs it, and renames it over the name that readers know (readers.py)."""
    kind = "publish"

    def __init__(self, *args):
        super().__init__(*args)
        self.published = None

    def step(self):
        import readers
        file = self.open_new(".tmp")
        if not file:
            return
        number = self.number
        data = readers.version(number)
        readers.note(self.scratch, "begun", number)
        self.write(file, data, 0)
        self.sync(file)
        if not self.close():
            return
        temporary, name = next(iter(file.names)), "%s/published" % self.name
        try:
            self.call("rename", os.rename, *self.two_paths(temporary.split("/", 1)[1], "published"))
        except OSError as e:
            file.names.add(name)
            file.ever.add(name)
            file.certain = False
            if self.published:
                self.published.certain = False
            raise
        readers.note(self.scratch, "published", number)
        for other in self.files[:-1]:
            other.names.discard(name)
            other.certain = bool(other.names) and other.certain
        file.names, file.certain = {name}, True
        file.ever.add(name)
        self.published = file
        # What is left of those before, whose rename is in doubt, is of no interest.
        self.files = [f for f in self.files if f.names]


class Link(Writer):
    """Publishes by link(2), and removes the first name."""
    kind = "link"

    def step(self):
        file = self.open_new(".new")
        if not file:
            return
        self.write(file, warc_member(self.random, self.number), 0)
        if self.random.random() < 0.4:
            self.sync(file)
        if not self.close():
            return
        old = next(iter(file.names))
        new = old.replace(".new", ".warc.gz")
        file.certain = False
        file.names.add(new)
        file.ever.add(new)
        self.call("link", os.link, *self.two_paths(old.split("/", 1)[1], new.split("/", 1)[1]))
        file.certain = True
        if self.random.random() < 0.8:
            file.certain = False
            self.call("unlink", os.unlink, self.path(old.split("/", 1)[1]))
            file.names = {new}
            file.certain = True


class Direct(Writer):
    """Writes blocks over older ones with O_DIRECT, and again after it was told of an error."""
    kind = "direct"
    BLOCK = 4096

    def __init__(self, *args):
        super().__init__(*args)
        self.buffer = mmap.mmap(-1, 16 * self.BLOCK)

    def pwrite_direct(self, file, data, offset):
        self.buffer[:len(data)] = data
        view = memoryview(self.buffer)[:len(data)]
        try:
            n = self.call("write", os.pwritev, self.fd, [view], offset)
        except OSError as e:
            file.failed(offset, data)
            file.tell("write", e.errno)
            raise
        finally:
            view.release()
        file.wrote(offset, data[:n])
        self.counts["written"] += n
        if n < len(data):
            file.failed(offset + n, data[n:])
            file.tell("write", 0)
            raise OSError(5, "a short write")

    def step(self):
        if self.fd is None and not self.open_new(".img", os.O_DIRECT):
            return
        blocks = self.random.choice((1, 1, 4, 16))
        at = self.random.randrange(24) * self.BLOCK
        self.pwrite_direct(self.file, self.random.randbytes(blocks * self.BLOCK), at)
        if self.random.random() < 0.2:
            self.sync(self.file)
        if self.random.random() < 0.08:
            self.close()


class Mapped(Writer):
    """Writes through a shared mapping, in a process of its own, which an outage may end by SIGBUS."""
    kind = "mmap"
    ACCESS = os.O_RDWR
    PAGE, PAGES = 4096, 24

    def step(self):
        if self.fd is None:
            file = self.open_new(".map")
            if not file:
                return
            self.cut(file, self.PAGE * self.PAGES)
            self.sync(file)
        file = self.file
        changes = [(self.random.randrange(self.PAGES) * self.PAGE + self.random.randrange(4000), self.random.randbytes(90))
                   for _ in range(self.random.choice((1, 3, 9)))]
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            self.change(changes)
        _, status = os.waitpid(pid, 0)
        self.call.n += 1
        took = time.monotonic() - begun
        if self.call.JUDGES and took > self.call.LIMITS["map"] + self.call.SLACK:
            self.call.wrong.add("a mapping took %.2f s to be written and synced", took)
        if status == 0:
            for at, data in changes:
                file.wrote(at, data)
            file.sync()
        else:
            for at, data in changes:
                file.failed(at, data)
            file.tell("map", 5)
            raise OSError(5, "the mapping")
        if self.random.random() < 0.1:
            self.close()

    def change(self, changes):
        code = 1
        try:
            with mmap.mmap(self.fd, self.PAGE * self.PAGES) as area:
                for at, data in changes:
                    area[at:at + len(data)] = data
                area.flush()
            code = 0
        except OSError:
            pass
        finally:
            os._exit(code)


class Rsync(Writer):
    """rsync --inplace from a local directory, as operators do; it says by its exit status what it was told."""
    kind = "rsync"

    def step(self):
        source = os.path.join(self.scratch, "source-%s" % self.name)
        os.makedirs(source, exist_ok=True)
        if self.number >= 12:
            self.number = 0
            shutil.rmtree(source)
            os.makedirs(source)
            self.generation = getattr(self, "generation", 0) + 1
        self.number += 1
        name = "g%d-%d.dat" % (getattr(self, "generation", 0), self.number % 3)
        data = self.random.randbytes(self.random.choice((3000, 70000, 250000)))
        with open(os.path.join(source, name), "wb") as f:
            f.write(data)
        os.utime(os.path.join(source, name), (1000000000 + self.number * 10,) * 2)
        full = "%s/%s" % (self.name, name)
        file = next((f for f in self.files if full in f.names), None)
        if not file:
            file = File(self.kind, full)
            file.untold = True
            self.files.append(file)
        begun = time.monotonic()
        self.call.busy = (begun, "rsync")
        done = subprocess.run(["rsync", "-t", "--inplace", "--no-whole-file", os.path.join(source, name), self.path("")], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False)
        self.call.busy = None
        self.call.n += 1
        if done.returncode == 0:
            file.certain, file.anything = True, False
            file.cut(0)
            file.wrote(0, data)
            file.told = []
            file.close()
            self.counts["written"] += len(data)
        else:
            file.anything = True
            file.certain = False
            file.tell("rsync", 5)
            said = done.stderr.decode(errors="replace")
            for word in ("No such file", "Permission denied", "Read-only", "Stale", "endpoint is not"):
                if self.call.JUDGES and word in said:
                    self.call.wrong.add("rsync: %.300s", said)
            self.pause()


KINDS = {c.kind: c for c in (Warc, State, Publish, Link, Direct, Mapped, Rsync)}
