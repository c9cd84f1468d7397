#!/usr/bin/env python3
"""Compares storage with the oracle: judge.py [--peer] SERVER MOUNT SCRATCH SUSPECTS PREFIX [CUTS [FROM TO]].

SERVER is the crowd's directory as storage has it, MOUNT the same through the mount; SUSPECTS a file with the JSON of guardctl suspects (open, and settled, one
array a line), in which paths begin with PREFIX. CUTS has a line with the time (CLOCK_MONOTONIC) of each moment at which the server lost what was not
synced. Prints what is wrong, a line each, and exits 1 if there is anything; the last line says in JSON what there was. With --peer it is a comparison (peers.bash) and the last line alone counts; FROM and TO are the times of the outage."""
import errno
import glob
import json
import os
import pickle
import sys
import time

ENDED = ("gone", "replaced")


def inside(ranges, start, end):
    """Is start .. end covered by the ranges of a suspect?"""
    at = start
    for r in sorted(ranges, key=lambda r: r["from"]):
        if r["from"] <= at < r["to"]:
            at = r["to"]
    return at >= end


def read(path):
    """None: there is none. On a busy machine a backend may be lost without a fault: what is read by the mount is judged once it serves again."""
    until = time.monotonic() + 45
    while True:
        try:
            with open(path, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None
        except OSError as e:
            if e.errno != errno.EIO or time.monotonic() > until:
                raise
        time.sleep(0.2)  # sleep-ok: until it serves again


def read_through(path):
    """The same through the mount. All trouble is over, but for an outage of a moment in which a busy machine did something else."""
    until = time.monotonic() + 60
    while True:
        try:
            return read(path)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)  # sleep-ok: the rate of trying


class Judge:
    def __init__(self, server, mount, scratch, suspects, prefix, cuts, peer, outage):
        self.server, self.mount, self.prefix, self.cuts, self.peer = server, mount, prefix, cuts, peer
        self.scratch, self.outage = scratch, outage
        self.suspects = {}
        for suspect in suspects:
            if suspect["path"].startswith(prefix + "/"):
                self.suspects.setdefault(suspect["path"][len(prefix) + 1:], []).append(suspect)
        self.wrong = []
        self.sums = dict.fromkeys(("files", "calls", "written", "synced_bytes", "told", "suspects", "whole", "lost_silent", "damaged_unmarked", "lost_told", "lost_synced", "errors_in_outage",
                                   "hung", "wrong_reads"), 0)
        self.errors, self.longest, self.explained = {}, {}, set()

    def add(self, file, name, text, *values):
        self.wrong.append("%s (%s; told %s): %s" % (name, file.kind, [t[1:] for t in file.told[-4:]], text % values if values else text))

    def entries(self, names):
        return [s for n in names for s in self.suspects.get(n, []) if s["verdict"] not in ENDED]

    def may_be_lost(self, file):
        """The server lost what was not synced, and the file was closed by then with something that was not: nobody is told."""
        return file.closed_unsynced_at is not None and any(cut > file.closed_unsynced_at for cut in self.cuts)

    def remains_may_be_lost(self, file):
        """The same of what a failed write has left, which nobody counts on: it may have been looked at before."""
        return bool(file.told) and file.closed_at is not None and any(cut > file.closed_at for cut in self.cuts)

    def verdict(self, file, name, got, entry):
        verdict, whole_to = entry["verdict"], entry["whole_to"]
        if entry["again"] or self.may_be_lost(file) or self.remains_may_be_lost(file):
            return  # it may have been looked at in the midst of what was written since, or before the server lost some of it
        wrong, unexplained = file.difference(got)
        if verdict == "pending":
            self.add(file, name, "nobody has looked at it")
        elif verdict == "whole" and unexplained and not self.may_be_lost(file):
            self.add(file, name, "called whole, and wrong at %s", unexplained[:4])
        elif verdict == "truncated":
            if len(got) != entry["at"] and entry["at"] > len(got):
                self.add(file, name, "called truncated at %d, it has %d bytes", entry["at"], len(got))
            self.whole_part(file, name, got, whole_to)
        elif verdict == "damaged":
            self.whole_part(file, name, got, whole_to)
        elif verdict == "hole":
            for hole in entry["holes"]:
                if got[hole["from"]:hole["to"]].strip(b"\0"):
                    self.add(file, name, "no zeros in the hole %s", hole)
        elif verdict == "missing":
            self.add(file, name, "called missing, it is there")
        elif verdict == "changed":
            self.add(file, name, "called changed by somebody else (%s)", entry["why"])

    def whole_part(self, file, name, got, whole_to):
        _, unexplained = file.difference(got)
        if not file.before and any(start < whole_to for start, _ in unexplained) and not self.may_be_lost(file):
            self.add(file, name, "called whole up to %d, and wrong at %s", whole_to, unexplained[:4])

    def content(self, file, name, got):
        entries = self.entries(file.ever & {name} or {name})
        ranges = [r for e in entries for r in e["ranges"]]
        if file.anything:
            return
        lost = file.lost_synced(got)
        self.sums["lost_synced"] += sum(end - start for start, end in lost)
        if lost:
            self.add(file, name, "bytes %s were synced and are not there (%d bytes of %d)", lost[:4], len(got), len(file.content))
        wrong, unexplained = file.difference(got)
        n = sum(end - start for start, end in unexplained)
        if n and not file.told and not file.untold:
            self.sums["lost_silent"] += n
        elif n:
            self.sums["lost_told"] += n
        if unexplained and not entries:
            self.sums["damaged_unmarked"] += 1
        if not wrong:
            self.sums["whole"] += 1
        elif self.may_be_lost(file):
            pass
        elif file.kind == "state" and file.told:
            self.rewritten(file, name, got, entries)
        elif not entries and not unexplained and file.kind == "mmap":
            pass  # its pages were written, and the sync failed: there is nothing that guardfs had acknowledged and does not have
        elif not entries:
            self.add(file, name, "is not listed as suspect, and wrong at %s (of failed calls: %s); %d bytes, %d were acknowledged",
                     unexplained[:4], [r for r in wrong if r not in unexplained][:4], len(got), len(file.content))
        elif unexplained and not file.told and not file.untold:
            self.add(file, name, "nobody was told, and it is wrong at %s", unexplained[:4])
        else:
            for start, end in file.lost_written(got, unexplained):
                if not inside(ranges, start, end):
                    self.add(file, name, "wrong at %d to %d; suspect are %s", start, end, [(r["from"], r["to"]) for r in ranges])
        for entry in entries:
            self.verdict(file, name, got, entry)

    def rewritten(self, file, name, got, entries):
        """A rewrite failed: it is the old content, or some of the new one, never anything else."""
        new = bytearray(file.content)
        for at, data in file.maybe:
            new[at:at + len(data)] = data
        before = [bytes(b) for b in file.before[-3:]]
        if not (bytes(new).startswith(got) or got in before):
            self.add(file, name, "is neither old nor new nor a part of the new: %d bytes %.60r; new %.60r", len(got), got, bytes(new))

    def judge_file(self, file):
        self.sums["files"] += 1
        self.sums["told"] += bool(file.told)
        self.sums["synced_bytes"] += sum(file.synced)
        here = {name: read(os.path.join(self.server, name)) for name in file.names}
        there = {name for name, got in here.items() if got is not None}
        self.explained.update(file.ever)
        if file.seen and not file.told:
            self.add(file, "/".join(sorted(file.names)), "%s", file.seen[0])
        if file.certain and there != file.names:
            self.add(file, "/".join(sorted(file.names)), "missing")
        for name in there:
            if len(file.ever) > 1 and not file.certain and file.kind == "publish" and name.endswith("published"):
                continue  # it is this version, or that of another one
            self.content(file, name, here[name])
            if self.mount and read_through(os.path.join(self.mount, name)) != here[name]:
                self.add(file, name, "the mount shows something else than storage")

    def callers(self):
        for path in sorted(glob.glob(os.path.join(self.scratch, "*.oracle"))):
            with open(path, "rb") as f:
                caller = pickle.load(f)
            self.wrong += ["%s: %s" % (caller["name"], w) for w in caller["wrong"]]
            self.sums["calls"] += caller["calls"]
            self.sums["wrong_reads"] += sum(": version " in w or " read " in w for w in caller["wrong"])
            self.sums["errors_in_outage"] += sum(self.outage[0] <= end and begun <= self.outage[1] for begun, end, _ in caller["errors_at"])
            self.sums["written"] += caller["counts"].get("written", 0)
            for name, n in caller["errors"].items():
                self.errors[name] = self.errors.get(name, 0) + n
            for kind, (took, what) in caller["longest"].items():
                if took > self.longest.get(kind, 0):
                    self.longest[kind] = round(took, 2)
            for file in caller["files"]:
                self.judge_file(file)
        for path in glob.glob(os.path.join(self.scratch, "*.hung")):
            self.wrong.append("hung: " + open(path).read().strip())
            self.sums["hung"] += 1

    def strangers(self):
        """Files that nobody has made."""
        for top, _, names in os.walk(self.server):
            for name in names:
                path = os.path.relpath(os.path.join(top, name), self.server)
                if path not in self.explained and not os.path.basename(path).startswith("."):
                    self.wrong.append("%s: nobody has made it" % path)

    def run(self):
        self.callers()
        self.strangers()
        self.sums["suspects"] = sum(len(v) for v in self.suspects.values())
        verdicts = {}
        for s in (s for v in self.suspects.values() for s in v):
            verdicts[s["verdict"]] = verdicts.get(s["verdict"], 0) + 1
        if not self.peer:
            for line in self.wrong:
                print("WRONG", line)
        print(json.dumps({**self.sums, "errors": self.errors, "longest": self.longest, "verdicts": verdicts, "wrong": len(self.wrong)}))
        return bool(self.wrong) and not self.peer


def main():
    peer = "--peer" in sys.argv
    args = [a for a in sys.argv[1:] if a != "--peer"]
    server, mount, scratch, suspects_path, prefix = args[:5]
    suspects, seen = [], set()
    with open(suspects_path) as f:
        for line in f:
            for s in json.loads(line):
                if s["filed_ns"] not in seen:
                    seen.add(s["filed_ns"])
                    suspects.append(s)
    cuts = []
    if len(args) > 5 and os.path.exists(args[5]):
        with open(args[5]) as f:
            cuts = [float(line) for line in f]
    outage = (float(args[6]), float(args[7])) if len(args) > 7 else (0, 0)
    sys.exit(Judge(server, "" if peer else mount, scratch, suspects, prefix, cuts, peer, outage).run())


if __name__ == "__main__":
    main()
