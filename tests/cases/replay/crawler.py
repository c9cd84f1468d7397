#!/usr/bin/env python3
"""A crawler as storage sees one: files that stay open for days, appended to; a state file rewritten.

    crawler.py JOB NOTES

Opens in the job directory JOB what a crawl has open: its combined log and a WARC, both for appending. Then carries out
commands from standard input, a line each, and answers each as timed -i does: OK or the errno's name of the last
failure, microseconds, 0.

    log N     N lines to the log, each by a write of its own; errors are swallowed, as a crawl's logging swallows them
    warc N    N records to the WARC, each a gzip member
    sync      fsync of the WARC
    new       one line to a file that is opened for it
    state     .archive_state.json rewritten in place, fsynced
    resume    .zimit_resume.yaml written aside and renamed over
    exit      (or the end of input) closes everything and ends

NOTES, a directory somewhere else, keeps what storage has acknowledged: NOTES/log and NOTES/warc are the bytes whose
writes succeeded, in their order; NOTES/state is the last state that was.
"""
import errno
import gzip
import json
import os
import sys
import time

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
REPLACE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def put(path, data, flags=REPLACE):
    fd = os.open(path, flags, 0o640)
    try:
        write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def write(fd, data):
    while data:
        data = data[os.write(fd, data):]


class Crawler:
    def __init__(self, job, notes):
        self.job, self.notes, self.number = job, notes, 0
        archive = os.path.join(job, ".tmpcrawl/collections/crawl-1/archive")
        os.makedirs(archive, exist_ok=True)
        os.makedirs(notes, exist_ok=True)
        self.files = {
            "log": os.open(os.path.join(job, "archive_initial_-_attempt_1_20260109_000000.combined.log"), APPEND, 0o640),
            "warc": os.open(os.path.join(archive, "rec-0.warc.gz"), APPEND, 0o640),
        }
        self.acknowledged = {name: open(os.path.join(notes, name), "ab", buffering=0) for name in self.files}

    def append(self, name, data):
        write(self.files[name], data)
        self.acknowledged[name].write(data)

    def next(self):
        self.number += 1
        return self.number

    def log(self, count):
        for _ in range(int(count)):
            line = b'{"context":"crawlStatus","details":{"crawled":%d}}\n' % self.next()
            try:
                self.append("log", line)
            except OSError:
                pass

    def warc(self, count):
        for _ in range(int(count)):
            block = b"%08d" % self.next() + os.urandom(3000)
            head = (b"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:test:%d>\r\n"
                    b"Content-Length: %d\r\n\r\n" % (self.number, len(block)))
            self.append("warc", gzip.compress(head + block + b"\r\n\r\n"))

    def sync(self):
        os.fsync(self.files["warc"])

    def new(self):
        put(os.path.join(self.job, "new"), b"a line\n", APPEND)

    def state(self):
        data = json.dumps({"current_workers": 2, "number": self.next(), "temp_dirs_host_paths": ["x" * 50] * 20}).encode()
        put(os.path.join(self.job, ".archive_state.json"), data)
        put(os.path.join(self.notes, "state"), data)

    def resume(self):
        path = os.path.join(self.job, ".zimit_resume.yaml")
        put(path + ".tmp", b"number: %d\n" % self.next())
        os.rename(path + ".tmp", path)

    def close(self):
        for fd in self.files.values():
            os.close(fd)


def main():
    crawler = Crawler(sys.argv[1], sys.argv[2])
    print("OK 0 0", flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "exit":
            break
        result, start = "OK", time.monotonic()
        try:
            getattr(crawler, command)(*arguments)
        except OSError as e:
            result = errno.errorcode.get(e.errno, str(e.errno))
        print(result, int((time.monotonic() - start) * 1e6), 0, flush=True)
    crawler.close()


if __name__ == "__main__":
    main()
