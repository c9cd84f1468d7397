# A tree with many known names below one directory at some depth, which is then renamed over and over until ENOUGH is there, by an ordinary user.
#
#     renames.py make|know DIRECTORY COUNT DEPTH
#     renames.py rename DIRECTORY ENOUGH
import os
import sys

what, top = sys.argv[1], sys.argv[2]
count, depth = (0, 0) if what == "rename" else (int(sys.argv[3]), int(sys.argv[4]))


def deepest(first):
    return os.path.join(top, first, *["level-%02d" % i for i in range(depth)])


if what == "make":
    os.makedirs(deepest("moved"))
    os.chdir(deepest("moved"))
    for i in range(count):
        os.close(os.open("file-%06d" % i, os.O_CREAT | os.O_WRONLY, 0o644))
elif what == "know":
    os.chdir(deepest("moved"))
    for i in range(count):
        os.stat("file-%06d" % i)
else:
    os.setgroups([])
    os.setgid(61001)
    os.setuid(61001)
    names, n = [os.path.join(top, "moved"), os.path.join(top, "again")], 0
    while not os.path.exists(sys.argv[3]):
        os.rename(names[n % 2], names[(n + 1) % 2])
        n += 1
    print(n)
