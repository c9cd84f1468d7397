"""Opens and reads small pieces of a file while another program writes a large one beside it: beside.py READ_FROM WRITE_TO SECONDS. Prints the
median and the 90th percentile, in ms, of an open with a read of 4 KiB, and how many MiB were written."""
import os
import random
import statistics
import sys
import threading
import time

source, target, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
block = b"x" * (1 << 20)
until = time.monotonic() + seconds
written = 0


def write():
    global written
    fd = os.open(target, os.O_WRONLY | os.O_CREAT)
    while time.monotonic() < until:
        written += os.write(fd, block)
    os.close(fd)


writer = threading.Thread(target=write)
writer.start()
time.sleep(1)  # sleep-ok: until what is written has filled the way
took = []
size = os.stat(source).st_size
while time.monotonic() < until:
    began = time.monotonic()
    fd = os.open(source, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    os.pread(fd, 4096, random.randrange(size // 4096) * 4096)
    os.close(fd)
    took.append((time.monotonic() - began) * 1000)
writer.join()
took.sort()
print("%.1f %.1f %d" % (statistics.median(took), took[len(took) * 9 // 10], written >> 20))
