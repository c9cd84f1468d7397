"""What a file must hold: the bytes that were acknowledged, which of them a sync covers, and what may be there since a call failed. The oracle
knows nothing of guardfs. Writers keep one File for each file that they make, and judge.py compares it with storage."""
import errno
import os
import time


def runs(positions):
    """Ascending positions as [from, to) ranges."""
    out = []
    for at in positions:
        if out and out[-1][1] == at:
            out[-1][1] = at + 1
        else:
            out.append([at, at + 1])
    return out


class File:
    """All times are of CLOCK_MONOTONIC."""

    def __init__(self, kind, name):
        self.kind = kind
        self.names = {name}  # that it may have now
        self.ever = {name}  # that it had
        self.certain = False  # whether its names are exactly those of names
        self.content = bytearray()
        self.synced = bytearray()  # one byte for each byte of content: 1 if a sync covers it
        self.holes = bytearray()  # the same: 1 if nobody wrote it, and it lies there because something was written behind it
        self.maybe = []  # (offset, bytes) of writes that failed, and may be there
        self.sizes = []  # of truncations that failed
        self.seen = []  # what was read otherwise than it should be, in words: wrong, unless its writer was told
        self.before = []  # contents that it had, for what is rewritten in place
        self.told = []  # (time, call, errno) of what its writer was told
        self.begun_again = 0  # times that it was written to after its writer had been told
        self.made_at = time.monotonic()
        self.closed_at = None  # last close
        self.closed_unsynced_at = None  # first close with bytes that no sync covered
        self.untold = False  # its writer is a program that does not say what it was told
        self.anything = False  # nothing is known of its content

    def grow(self, size):
        if size > len(self.content):
            self.holes.extend(b"\1" * (size - len(self.content)))
            self.content.extend(bytes(size - len(self.content)))
            self.synced.extend(bytes(size - len(self.synced)))

    def wrote(self, offset, data):
        """Acknowledged: nothing that failed there before may be seen any more."""
        end = offset + len(data)
        self.grow(end)
        self.content[offset:end] = data
        self.synced[offset:end] = self.holes[offset:end] = bytes(len(data))
        left = []
        for at, bits in self.maybe:
            if at < offset:
                left.append((at, bits[:offset - at]))
            if at + len(bits) > end:
                left.append((max(at, end), bits[max(end - at, 0):]))
        self.maybe = left

    def failed(self, offset, data):
        if data:
            self.maybe.append((offset, bytes(data)))

    def cut(self, size):
        self.before.append(bytes(self.content))
        del self.content[size:], self.synced[size:], self.holes[size:]
        self.grow(size)
        self.maybe = [(at, bits[:size - at]) for at, bits in self.maybe if at < size]
        self.sizes = []

    def cut_failed(self, size):
        self.before.append(bytes(self.content))
        self.sizes.append(size)

    def sync(self):
        self.synced[:] = b"\1" * len(self.content)

    def close(self):
        self.closed_at = time.monotonic()
        if self.closed_unsynced_at is None and 0 in self.synced:
            self.closed_unsynced_at = time.monotonic()

    def tell(self, call, error):
        self.told.append((time.monotonic(), call, errno.errorcode.get(error, str(error))))

    def is_whole(self):
        """Is its content known to the byte?"""
        return not (self.maybe or self.sizes or self.anything)

    def difference(self, got):
        """(bytes that are not what was acknowledged, those of them that no failed call explains), as ranges."""
        end = max(len(got), len(self.content))
        wrong = [at for start in range(0, end, 4096) if got[start:start + 4096] != self.content[start:start + 4096]
                 for at in range(start, min(start + 4096, end)) if got[at:at + 1] != self.content[at:at + 1]]
        if not wrong:
            return [], []
        explained = set()
        for offset, data in self.maybe:
            explained.update(at for at in wrong if offset <= at < offset + len(data) and got[at:at + 1] == data[at - offset:at - offset + 1])
            # A failed write beyond the end that came in part leaves zeros before itself.
            if offset > len(self.content) and len(got) > offset:
                explained.update(at for at in wrong if len(self.content) <= at < offset and got[at] == 0)
        for size in self.sizes:
            if len(got) == size:
                explained.update(at for at in wrong if at >= size or (at >= len(self.content) and got[at] == 0))
            explained.update(at for at in wrong if at >= size and at < len(got) and got[at] == 0)
        return runs(wrong), runs(at for at in wrong if at not in explained)

    def lost_written(self, got, ranges):
        """The same ranges without what is missing at the end and was never written."""
        return runs(at for start, end in ranges for at in range(start, end) if at < len(got) or at >= len(self.holes) or not self.holes[at])

    def lost_synced(self, got):
        """Bytes that a sync covers and that are not there, as ranges."""
        failed = set()
        for offset, data in self.maybe:
            failed.update(range(offset, offset + len(data)))
        cut_to = min(self.sizes, default=len(self.content))
        return runs(at for start, end in self.difference(got)[1] for at in range(start, min(end, len(self.content)))
                    if self.synced[at] and at not in failed and at < cut_to)


class Wrong(list):
    """What was found, with the time."""

    def add(self, text, *values):
        self.append("%.3f %s" % (time.monotonic(), text % values if values else text))


class Calls:
    """Makes system calls for a caller: measures them, and judges errors and durations."""

    # Deadlines in s of the classes of calls, as told by the environment; a call is several requests.
    METADATA = float(os.environ.get("CAMPAIGN_METADATA", "1.5"))
    READ = float(os.environ.get("CAMPAIGN_READ", "2"))
    WRITE = float(os.environ.get("CAMPAIGN_WRITE", "4"))
    SLACK = float(os.environ.get("CAMPAIGN_SLACK", "6"))
    LIMITS = {"open": 3 * METADATA, "stat": 2 * METADATA, "read": 2 * METADATA + READ, "write": WRITE, "sync": 2 * WRITE, "close": WRITE,
              "rename": 4 * METADATA, "link": 4 * METADATA, "unlink": 3 * METADATA, "truncate": 2 * METADATA + WRITE, "list": 4 * METADATA,
              "map": 3 * METADATA + 2 * WRITE + READ, "rsync": 600.0}
    ALLOWED = set(os.environ.get("CAMPAIGN_ERRNOS", "EIO").split(","))
    JUDGES = os.environ.get("CAMPAIGN_PEER") is None

    def __init__(self):
        self.wrong = Wrong()
        self.longest = {}  # by class: (s, what)
        self.errors = {}  # by errno
        self.errors_at = []
        self.n = 0
        self.busy = None  # (since, what): for who looks from outside

    def __call__(self, kind, function, *args, allowed=(), **keys):
        """Makes the call. An OSError goes on to the caller, once noted."""
        self.n += 1
        what = "%s %s" % (kind, args[0] if args and isinstance(args[0], str) else "")
        begun = time.monotonic()
        self.busy = (begun, what)
        try:
            return function(*args, **keys)
        except OSError as e:
            name = errno.errorcode.get(e.errno, str(e.errno))
            if name not in allowed:
                self.errors[name] = self.errors.get(name, 0) + 1
                self.errors_at.append((begun, time.monotonic(), name))
                if self.JUDGES and name not in self.ALLOWED:
                    self.wrong.add("%s: %s", what, name)
            raise
        finally:
            self.busy = None
            took = time.monotonic() - begun
            if took > self.longest.get(kind, (0, ""))[0]:
                self.longest[kind] = (took, what)
            if self.JUDGES and took > self.LIMITS[kind] + self.SLACK:
                self.wrong.add("%s took %.2f s, its deadlines are %.1f s and %.1f s of slack", what, took, self.LIMITS[kind], self.SLACK)
