#!/usr/bin/env python3
"""Rewrites a state file for ever, as the crawl does, and says what became of each version.

    12-state.py rename|inplace FILE NOTES

rename: written aside, renamed over FILE. inplace: opened with O_TRUNC, written, fsynced. A version is a JSON document
of three writes, full of its number. One line per version is appended to NOTES: "N begun" before, "N ok" or "N ERRNO"
after. A line from standard input stops it after the version at work; it then says "stopped" and goes on at the next line.
"""
import errno
import json
import os
import select
import sys

PIECE = 8192


def document(number):
    return json.dumps({"number": number, "padding": [number] * 1800, "end": number}).ljust(3 * PIECE - 1).encode() + b"\n"


def rewrite(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    try:
        for at in range(0, len(data), PIECE):
            os.write(fd, data[at:at + PIECE])
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(path, data):
    aside = f"{path}.tmp.{os.getpid()}"
    rewrite(aside, data)
    os.rename(aside, path)


def main():
    way = {"rename": replace, "inplace": rewrite}[sys.argv[1]]
    number = 0
    with open(sys.argv[3], "a", buffering=1, encoding="ascii") as notes:
        while True:
            if select.select([sys.stdin], [], [], 0)[0]:
                if not sys.stdin.readline():
                    return
                print("stopped", flush=True)
                if not sys.stdin.readline():
                    return
            number += 1
            print(number, "begun", file=notes)
            try:
                way(sys.argv[2], document(number))
                print(number, "ok", file=notes)
            except OSError as e:
                print(number, errno.errorcode[e.errno], file=notes)
                # Down: what comes next is answered at once. Not to be busy with that alone.
                select.select([sys.stdin], [], [], 0.02)


def judge(path, notes):
    """What FILE holds, by the notes: "whole N", "part N LENGTH" of what a version starts with, or "mixed"."""
    with open(path, "rb") as file:
        data = file.read()
    with open(notes, encoding="ascii") as file:
        versions = [line.split() for line in file]
    begun = [int(number) for number, what in versions if what == "begun"]
    for number in reversed(begun):
        if data == document(number):
            return f"whole {number}"
        if document(number).startswith(data):
            return f"part {number} {len(data)}"
    return "mixed"


if __name__ == "__main__":
    if sys.argv[1] == "judge":
        print(judge(sys.argv[2], sys.argv[3]))
    else:
        main()
