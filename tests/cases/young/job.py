"""A short job as HealthArchive's worker and its crawler do it, step by step: job.py DIRECTORY SECONDS.

Prints every error that a step has met, and exits 1 if there was one; what was written must be there at the end."""
import errno
import json
import os
import sys
import threading
import time
import traceback


class Job:
    def __init__(self, directory, seconds):
        self.directory = directory
        self.until = time.monotonic() + seconds
        self.errors = []
        self.steps = 0
        self.longest = 0

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def step(self, what, *arguments):
        begun = time.monotonic()
        try:
            what(*arguments)
        except Exception as e:
            name = errno.errorcode.get(e.errno, e.errno) if isinstance(e, OSError) else type(e).__name__
            where = [frame.line for frame in traceback.extract_tb(e.__traceback__) if frame.filename == __file__][-1]
            self.errors.append("%s: %s after %.2f s: %s: %s" % (what.__name__, name, time.monotonic() - begun, e, where))
        self.steps += 1
        self.longest = max(self.longest, time.monotonic() - begun)

    # The worker's steps

    def make_directories(self, i):
        os.makedirs(self.path("stage-%d" % i, "archive"), exist_ok=True)
        os.makedirs(self.path("stage-%d" % i), exist_ok=True)

    def open_log(self, i):
        with open(self.path("stage-%d" % i, "combined.log"), "a") as log:
            log.write("line %d\n" % i)
        with open(self.path("stage-%d" % i, "combined.log")) as log:
            assert log.read() == "line %d\n" % i, "the log is not what was written"

    def look(self, i):
        assert "combined.log" in os.listdir(self.path("stage-%d" % i)), "the log is not listed"
        assert os.stat(self.path("stage-%d" % i, "combined.log")).st_size == len("line %d\n" % i)

    def replace(self, i):
        temporary = self.path(".config.yaml.tmp.%d" % os.getpid())
        with open(temporary, "w") as f:
            f.write("number: %d\n" % i)
        os.rename(temporary, self.path(".config.yaml"))
        with open(self.path(".config.yaml")) as f:
            assert f.read() == "number: %d\n" % i, "the file is not the one that was put there"

    def rewrite_state(self, i):
        with open(self.path(".archive_state.json"), "w") as f:
            json.dump({"i": i, "filler": "x" * 4000}, f)
            f.flush()
            os.fsync(f.fileno())
        with open(self.path(".archive_state.json")) as f:
            assert json.load(f)["i"] == i

    def try_writing(self, i):
        name = self.path(".writable_test_%d" % os.getpid())
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        os.unlink(name)

    def consolidate(self, i):
        source = self.path("stage-%d" % i, "combined.log")
        os.makedirs(self.path("warcs"), exist_ok=True)
        os.link(source, self.path("warcs", "warc-%06d" % i))
        os.symlink("warc-%06d" % i, self.path("warcs", "latest-%d" % i))
        assert os.readlink(self.path("warcs", "latest-%d" % i)) == "warc-%06d" % i
        os.mkdir(self.path("stage-%d" % i, "temporary"))
        os.rmdir(self.path("stage-%d" % i, "temporary"))

    def worker(self):
        i = 0
        while i == 0 or time.monotonic() < self.until:
            for what in (self.make_directories, self.open_log, self.look, self.replace, self.rewrite_state, self.try_writing,
                         self.consolidate):
                self.step(what, i)
            i += 1
        self.done = i

    def check_worker(self):
        for i in range(self.done):
            self.step(self.look, i)
        self.step(self.check_names)

    def check_names(self):
        got = sorted(os.listdir(self.path("warcs")))
        wanted = ["warc-%06d" % i for i in range(self.done)] + ["latest-%d" % i for i in range(self.done)]
        assert got == sorted(wanted), "warcs holds %d names instead of %d" % (len(got), len(wanted))

    # The crawler's

    def crawler(self):
        lines = []
        log = None
        while not lines or time.monotonic() < self.until:
            def write():
                nonlocal log
                if log is None:
                    log = open(self.path("crawl.log"), "a", buffering=1)
                log.write("record %06d\n" % len(lines))
            self.step(write)
            lines.append("record %06d\n" % len(lines))
            time.sleep(0.01)  # sleep-ok: a crawler's rate

        def check():
            log.close()
            with open(self.path("crawl.log")) as f:
                got = f.read()
            assert got == "".join(lines), "crawl.log has %d bytes instead of %d" % (len(got), len("".join(lines)))
        self.step(check)


def main():
    job = Job(sys.argv[1], float(sys.argv[2]))
    job.step(os.makedirs, job.directory)
    crawler = threading.Thread(target=job.crawler)
    crawler.start()
    job.worker()
    crawler.join()
    job.check_worker()
    print("%d steps, %d rounds, %d errors, the longest step %.2f s" % (job.steps, job.done, len(job.errors), job.longest))
    print("\n".join(job.errors[:10]))
    sys.exit(bool(job.errors))


if __name__ == "__main__":
    main()
