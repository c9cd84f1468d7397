#!/usr/bin/env python3
"""A worker's loop that does not burn its retries on storage.

As a module: run(job, path) calls job() until it returns; OSErrors that are the infrastructure's fault are waited out
and cost nothing, all others are raised once tries of them have been used up. As a program, a small job: appends
lines to PATH, fsyncing each, as a crawler's log does:

    retry.py PATH LINES

GUARDCTL: how guardctl is called. PAUSE: seconds between two looks (10).
"""
import errno
import os
import shlex
import subprocess
import sys
import time

GUARDCTL = shlex.split(os.environ.get("GUARDCTL", "guardctl"))
PAUSE = float(os.environ.get("PAUSE", "10"))
INFRASTRUCTURE = 75  # exit status of guardctl classify; EX_TEMPFAIL of sysexits.h


def is_infrastructure(path, error=None):
    """Asks guardctl, which never touches path. Where it cannot answer, the errors it would call so by themselves."""
    command = GUARDCTL + ["classify", "--path", path]
    if error:
        command += ["--errno", str(error)]
    try:
        status = subprocess.run(command, stdout=subprocess.DEVNULL, timeout=30, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return error in (errno.EIO, errno.ETIMEDOUT, errno.ESTALE, errno.ENOSPC, errno.ENOTCONN)
    return status == INFRASTRUCTURE


def wait_until_healthy(path):
    """ok (0) and degraded (1) are worth a try; so is one after each pause where guardctl cannot answer."""
    while True:
        time.sleep(PAUSE)
        try:
            health = subprocess.run(GUARDCTL + ["health", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return
        if health.returncode in (0, 1):
            return


def run(job, path, tries=3):
    """Calls job() until it returns. OSErrors by its own fault: at most tries - 1 are forgiven."""
    failures = 0
    while True:
        try:
            return job()
        except OSError as e:
            if is_infrastructure(path, e.errno):
                print(f"retry: {e.strerror}: storage was to blame; waiting", file=sys.stderr)
                wait_until_healthy(path)
                continue
            failures += 1
            print(f"retry: {e.strerror}: failure {failures} of {tries} by its own fault", file=sys.stderr)
            if failures >= tries:
                raise


def append_lines(path, count):
    """Resumes: lines that are there already are not written again."""
    with open(path, "a+b") as log:
        log.seek(0)
        done = log.read().count(b"\n")
        for number in range(done, count):
            log.write(b"line %d\n" % number)
            log.flush()
            os.fsync(log.fileno())


if __name__ == "__main__":
    run(lambda: append_lines(sys.argv[1], int(sys.argv[2])), sys.argv[1])
