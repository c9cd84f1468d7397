"""Readers of a file that is replaced by rename again and again: whole.py READ WRITE REPLACEMENTS READERS.

READ is the directory in which the file is read, WRITE the one in which it is replaced; they are the same one, or two ways to it. Every read from open to
close must give one version as it was written, and versions never go back. Whoever has a file open reads on in the version that was opened, or is told EIO.
Prints what was seen, and exits 1 if a read was torn or failed."""
import collections
import errno
import multiprocessing
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib"))
from published import KINDS, number_of, read_all, replace  # noqa: E402


def poll(path, stop, seen, seed):
    chance = random.Random(seed)
    held, last, counts = None, 0, collections.Counter()
    while not stop.is_set():
        try:
            fd = os.open(path, os.O_RDONLY)
            number = number_of(read_all(fd))
            if held is None and chance.random() < 0.2:
                held, held_number = fd, number
            else:
                os.close(fd)
            counts["torn" if number < 0 else "back" if number < last else "whole"] += 1
            last = max(last, number)
        except OSError as e:
            counts[errno.errorcode[e.errno]] += 1
        if held is not None and chance.random() < 0.3:
            try:
                number = number_of(read_all(held))
                counts["held" if number == held_number else "held torn"] += 1
            except OSError as e:
                counts["held " + errno.errorcode[e.errno]] += 1
            os.close(held)
            held = None
        time.sleep(chance.random() * 0.01)  # sleep-ok: the rate of reading
    seen.put(counts)


def main():
    read, write, replacements, readers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    stop, seen = multiprocessing.Event(), multiprocessing.Queue()
    replace(write, 1, 0)
    processes = [multiprocessing.Process(target=poll, args=(os.path.join(read, "published"), stop, seen, seed + i)) for i in range(readers)]
    for p in processes:
        p.start()
    for number in range(2, replacements + 2):
        replace(write, number, chance.choice(KINDS))
        time.sleep(chance.random() * 0.05)  # sleep-ok: the rate of replacing
    stop.set()
    counts = collections.Counter()
    for _ in processes:
        counts.update(seen.get())
    print("seed", seed, dict(counts))
    sys.exit(any(k not in ("whole", "held") for k in counts) or not counts["whole"])


if __name__ == "__main__":
    main()
