#!/usr/bin/env python3
"""A log with two writers, one of them another client: shared_log.py HERE THERE SECONDS LENGTH [alone].

The caller appends lines of LENGTH bytes to the file HERE, which stays open; the other client appends lines of its own to the same file,
which is THERE for it (not so: alone). Whatever dies meanwhile, each line of either is there once and in order; one that was answered with EIO may be
missing or torn. The kernel cuts what is written through FUSE at the ends of pages: a line of the other may lie in the midst of one of ours,
not the other way round. Of a piece that was answered with EIO behind others the caller hears that less was written: it may be there, and comes again. The last line of output says how many lines there were."""
import collections
import errno
import os
import re
import sys
import threading
import time

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class Writer:
    def __init__(self, letter, path, length, end):
        self.letter, self.path, self.length, self.end = letter, path, length, end
        self.written, self.refused, self.cut = 0, set(), 0
        self.fd = self.open()

    def open(self):
        while True:
            try:
                return os.open(self.path, APPEND, 0o644)
            except OSError as e:
                if e.errno != errno.EIO:
                    raise
                time.sleep(0.02)  # sleep-ok: the pause of a program that tries again

    def line(self):
        return (b"%s%07d " % (self.letter, self.written)).ljust(self.length - 1, b".") + b"\n"

    def append(self):
        line = self.line()
        try:
            while line:
                n = os.write(self.fd, line)
                self.cut += n < len(line)
                line = line[n:]
        except OSError as e:
            self.failed(e)
        self.written += 1

    def failed(self, e):
        """An open file that has once lost something is of no more use."""
        if e.errno != errno.EIO:
            raise e
        self.refused.add(self.written)
        try:
            os.close(self.fd)
        except OSError:
            pass  # told already
        self.fd = self.open()

    def run(self, pause):
        while time.monotonic() < self.end:
            self.append()
            time.sleep(pause)  # sleep-ok: the rate of writing

    def judge(self, content, wrong):
        """Returns what is left of the content without the whole lines of this writer; adds to wrong."""
        whole = re.compile(rb"%s(\d{7}) \.{%d}\n" % (self.letter, self.length - 10))
        numbers = [int(n) for n in whole.findall(content)]
        twice = [n for n, times in collections.Counter(numbers).items() if times > 1]
        missing = set(range(self.written)) - set(numbers) - self.refused
        if twice or missing or sorted(numbers) != numbers:
            wrong.append("lines of %s: twice %s, missing %s (%d and %d)%s" % (
                self.letter.decode(), twice[:9], sorted(missing)[:9], len(twice), len(missing),
                ", out of order" if sorted(numbers) != numbers else ""))
        return whole.sub(b"", content)


def share(here, there, seconds, length, alone=False):
    """Returns how many lines there were, in words, and what is wrong with them."""
    end, wrong = time.monotonic() + seconds, []
    ours, theirs = Writer(b"A", here, length, end), Writer(b"B", there, length, end)
    other = threading.Thread(target=theirs.run, args=(0.003,))
    if not alone:
        other.start()
    ours.run(0)
    if not alone:
        other.join()
    with open(there, "rb") as f:
        rest = ours.judge(theirs.judge(f.read(), wrong), wrong)
    if len(rest) > length * (len(ours.refused) + ours.cut):
        wrong.append("%d bytes of no line: %.200r" % (len(rest), rest))
    return "%d lines here, %d of them refused, %d of the other" % (ours.written, len(ours.refused), theirs.written), wrong


def main():
    counts, wrong = share(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), len(sys.argv) > 5)
    print("\n".join([counts] + wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
