"""A reader that has one version of a file open while it opens the next, until STOP is there; then each thing that it was told, once: hidden-late.py
PATH STOP. STOP.reads is made when it has the first one open."""
import errno
import os
import sys
import time

before = open(sys.argv[1])
open(sys.argv[2] + ".reads", "w").close()
seen = set()
while not os.path.exists(sys.argv[2]):
    try:
        now = open(sys.argv[1])
        before.close()
        before = now
        seen.add(os.pread(now.fileno(), 100, 0).decode().strip())
    except OSError as e:
        seen.add(errno.errorcode[e.errno])
        time.sleep(0.01)  # sleep-ok: what fails at once would fail all the while
print("\n".join(sorted(seen)))
