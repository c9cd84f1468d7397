"""Writes files, and keeps a ledger of what was synced: of use if the machine loses its power meanwhile.

    synced.py write DIR LEDGER     until it is killed
    synced.py verify DIR LEDGER    is all there that the ledger says? Exit status 1 if not

Each round appends to DIR/log, replaces DIR/state by rename, and makes DIR/made-N/file. A line goes into the ledger when fsync has returned,
and is itself on disk before the next round begins.
"""
import os
import sys


def block(number):
    return (b"%08d " % number) * 7281  # no multiple of a page


def sync(path, data, flags):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o644)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest):]
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(path, data):
    """The name, too, is durable: fsync of a file that has just been renamed commits the rename."""
    with open(path + ".new", "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        os.rename(path + ".new", path)
        os.fsync(file.fileno())


def write(directory, ledger_path):
    ledger = os.open(ledger_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_DSYNC, 0o644)
    number = 0
    while True:
        sync(f"{directory}/log", block(number), os.O_APPEND)
        os.write(ledger, b"appended %d\n" % number)
        os.mkdir(f"{directory}/made-{number}")
        sync(f"{directory}/made-{number}/file", block(number), os.O_EXCL)
        os.write(ledger, b"made %d\n" % number)
        replace(f"{directory}/state", block(number))
        os.write(ledger, b"renamed %d\n" % number)
        number += 1


def verify(directory, ledger_path):
    last = {}
    wrong = 0
    with open(ledger_path, encoding="ascii") as ledger:
        for line in ledger:
            what, number = line.split()
            last[what] = int(number)

    def claim(true, text):
        nonlocal wrong
        if not true:
            wrong += 1
            print(f"{directory}: {text}")

    with open(f"{directory}/log", "rb") as log:
        for number in range(last["appended"] + 1):
            want = block(number)
            claim(log.read(len(want)) == want, f"block {number} of log, synced, is not there")
    for number in range(last["made"] + 1):
        with open(f"{directory}/made-{number}/file", "rb") as file:
            claim(file.read() == block(number), f"made-{number}/file is another one")
    with open(f"{directory}/state", "rb") as file:
        state = file.read()
    # The next one may have taken its place before its line was written.
    claim(state in (block(last["renamed"]), block(last["renamed"] + 1)), "state is not the one that was synced")
    return wrong


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(*sys.argv[2:4])
    sys.exit(1 if verify(*sys.argv[2:4]) else 0)
