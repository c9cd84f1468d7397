#!/usr/bin/env python3
"""Rewrites a state file for ever, as crawlers do, and says what became of each version; and reads it all the while.

    crawler.py write FILE NOTES     with json.dump, and every second time with os.write and fsync
    crawler.py watch FILE SEEN      looks at it until SEEN.stop exists: a line for each kind of thing seen
    crawler.py number FILE          the version that it holds; "half", if it is none

A version is a JSON document of some 20 KB, full of its number. NOTES: "N begun" before, "N ok" or "N ERRNO" after.
"""
import errno
import json
import os
import sys
import time


def document(number):
    return {"number": number, "padding": [number] * (2500 + number % 700), "end": number}


def number_in(data):
    try:
        state = json.loads(data)
        return state["number"] if state == document(state["number"]) else None
    except (ValueError, KeyError, TypeError):
        return None


def rewrite(path, number):
    if number % 2:
        with open(path, "w", encoding="ascii") as file:
            json.dump(document(number), file)
        return
    data = json.dumps(document(number)).encode()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    try:
        for at in range(0, len(data), 4096):
            os.write(fd, data[at:at + 4096])
        os.fsync(fd)
    finally:
        os.close(fd)


def write(path, notes):
    number = 0
    if os.path.exists(notes):
        with open(notes, encoding="ascii") as file:
            number = max([int(line.split()[0]) for line in file] + [0])
    with open(notes, "a", buffering=1, encoding="ascii") as file:
        while True:
            number += 1
            print(number, "begun", file=file)
            try:
                rewrite(path, number)
                print(number, "ok", file=file)
            except OSError as e:
                print(number, errno.errorcode[e.errno], file=file)
                time.sleep(0.05)  # sleep-ok: not to be busy with errors alone


def watch(path, seen):
    last, counts = 0, {"whole": 0, "half": 0, "missing": 0, "older": 0, "unreadable": 0}
    while not os.path.exists(seen + ".stop"):
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            counts["missing"] += 1
            continue
        except OSError:
            counts["unreadable"] += 1
            time.sleep(0.02)  # sleep-ok: not to be busy with errors alone
            continue
        number = number_in(data)
        if number is None:
            counts["half"] += 1
        else:
            counts["whole"] += 1
            counts["older"] += number < last
            last = number
    with open(seen, "w", encoding="ascii") as file:
        json.dump(counts, file)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "watch":
        watch(sys.argv[2], sys.argv[3])
    else:
        with open(sys.argv[2], "rb") as f:
            print(number_in(f.read()) or "half")
