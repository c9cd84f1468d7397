"""long-paths.py make DIR LEVELS    a chain of directories with names of 100 characters below DIR, each with a file
long-paths.py walk DIR          walks down such a chain, step by step, as far as it goes; where it ends, says what each call says
                                of the next directory, and of names in the last one that make the path too long for a server"""
import errno
import os
import sys

NAME = "d" * 100
LONG = "n" * 255


def result(call, *args, **more):
    try:
        call(*args, **more)
        return "OK"
    except OSError as e:
        return errno.errorcode[e.errno]


def make(levels):
    for _ in range(levels):
        with open("file", "w") as f:
            f.write("text")
        os.mkdir(NAME)
        os.chdir(NAME)


def walk():
    depth = 0
    while result(os.chdir, NAME) == "OK":
        depth += 1
    print(depth)
    if os.path.exists("file"):
        source = "file"
    else:
        source = "."
    calls = {
        "stat": (os.stat, NAME), "list": (os.listdir, NAME), "open": (os.open, NAME + "/file", os.O_RDONLY), "rmdir": (os.rmdir, NAME),
        "chmod": (os.chmod, NAME, 0o755), "utime": (os.utime, NAME), "unlink": (os.unlink, NAME + "/file"), "readlink": (os.readlink, LONG),
        "mkdir": (os.mkdir, LONG), "create": (os.open, LONG, os.O_CREAT | os.O_WRONLY), "symlink": (os.symlink, "x", LONG),
        "rename": (os.rename, source, LONG), "exists": (os.stat, LONG), "link": (os.link, source, LONG), "truncate": (os.truncate, LONG, 0),
    }
    for name, (call, *args) in calls.items():
        print(name, result(call, *args))


os.chdir(sys.argv[2])
make(int(sys.argv[3])) if sys.argv[1] == "make" else walk()
