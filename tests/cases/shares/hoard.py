# One user takes all he can get: files opened, directories opened, names looked up; what he took is kept until the end of input.
#
#     hoard.py UID open|list|read DIRECTORY COUNT
#
# Prints how many times it succeeded, and the errnos of what did not.
import collections
import errno
import os
import resource
import sys
import threading

uid, what, directory, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
os.chdir(directory)
kept, errors = [], collections.Counter()


def try_once(i):
    if what == "open":
        return os.open("file-%d" % (i % 100), os.O_RDONLY)
    if what == "list":
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        kept.append(fd)
        return os.listdir(fd)
    raise ValueError(what)


def attempt(i):
    try:
        kept.append(try_once(i))
    except OSError as e:
        errors[errno.errorcode[e.errno]] += 1


for i in range(count):
    attempt(i)
print(count - sum(errors.values()), " ".join("%s:%d" % e for e in sorted(errors.items())) or "-", flush=True)
sys.stdin.read()
