"""The oracle of the case jobs/verify: damages archives at many places, and says by other means than guardfs-verify (python's zlib on the
whole file in memory, WARC parsed with a regular expression) what is whole of them.

verify.py ARCHIVE... (paths of whole archives): for each, damaged copies go to the directory WORK, COMMAND (guardfs-verify) is run
on all of them at once, and verdicts are compared. Prints what differs; exit status 1 if anything does."""
import json
import os
import random
import re
import subprocess
import sys
import zlib

ZEROS_MIN = 512
HEADER = re.compile(rb"(?s)WARC/\d[\d.]*\r?\n(.*?)\r?\n\r?\n")


def members(data):
    """Yields (end, content) of each whole member; returns how it ended: "end", "cut", "bad" or "zeros"."""
    at = 0
    while at < len(data):
        if data[at] == 0:
            return "zeros" if not data[at:].strip(b"\0") else "bad"
        z = zlib.decompressobj(31)
        try:
            content = z.decompress(data[at:])
        except zlib.error:
            return "bad"
        if not z.eof:
            return "cut"
        at = len(data) - len(z.unused_data)
        yield at, content
    return "end"


def records(data, at, ended=True):
    """Ends of the whole records of data from at on, and how it went on: "end", "cut" or "bad"."""
    ends = []
    while at < len(data):
        if not data.startswith(b"WARC/", at):
            return ends, "cut" if b"WARC/".startswith(data[at:at + 5]) else "bad"
        m = HEADER.match(data, at)
        if not m or b"\0" in m.group(0):
            return ends, "bad" if b"\0" in data[at:] or b"\r\n\r\n" in data[at:] else "cut"
        length = re.search(rb"(?im)^content-length:[ \t]*(\d+)[ \t]*\r?$", m.group(1))
        if not length or not re.search(rb"(?im)^warc-type:", m.group(1)):
            return ends, "bad"
        end = m.end() + int(length.group(1))
        if data[end:end + 4] != b"\r\n\r\n":
            return ends, "cut" if b"\r\n\r\n".startswith(data[end:end + 4]) else "bad"
        at = end + 4
        ends.append(at)
    return ends, "end"


def zero_runs(data, begin):
    return [(begin + m.start(), begin + m.end()) for m in re.finditer(rb"\0{%d,}" % ZEROS_MIN, data[begin:])]


def zeros_at_boundary(data, whole):
    """Where something should begin, zeros are a hole, however few."""
    end = whole + len(data[whole:]) - len(data[whole:].lstrip(b"\0"))
    return {"hole"}, whole, [(whole, end)] if end - whole < ZEROS_MIN or end == len(data) else zero_runs(data, whole)


def judge_gzip(data, warc):
    """(verdicts that are right, whole_to, ranges or None)"""
    whole = 0
    text = b""
    parsed = 0
    walk = members(data)
    outcome = "end"
    state = "end"
    while True:
        try:
            end, content = next(walk)
        except StopIteration as stop:
            outcome = stop.value
            break
        if not warc:
            whole = end
            continue
        text = text[parsed:] + content
        ends, state = records(text, 0)
        parsed = ends[-1] if ends else 0
        if state == "bad":
            return {"garbage", "damaged"}, whole, None
        if state == "end":
            whole = end
    if outcome == "end":
        return ({"whole"} if state == "end" else {"truncated"}), whole, None
    if data[whole] == 0:
        return zeros_at_boundary(data, whole)
    runs = zero_runs(data, whole)
    if runs and data[whole:whole + 2] == b"\x1f\x8b":
        return {"hole"}, whole, runs
    if outcome == "cut":
        return {"truncated"}, whole, None
    return {"damaged"} if data[whole:whole + 2] == b"\x1f\x8b" else {"garbage"}, whole, None


def judge_plain(data):
    ends, state = records(data, 0)
    whole = ends[-1] if ends else 0
    if state == "end":
        return {"whole"}, whole, None
    if data[whole] == 0:
        return zeros_at_boundary(data, whole)
    if zero_runs(data, whole):
        # Which of the zeros are content, and which are damage, is another question.
        return {"hole", "damaged", "garbage", "truncated"}, whole, None
    return ({"truncated"} if state == "cut" else {"damaged", "garbage"}), whole, None


def damaged(data, seed):
    """(name, bytes) of damaged copies: cut everywhere that matters, zeros, flipped bits, garbage."""
    rng = random.Random(seed)
    size = len(data)
    boundaries = [end for end, _ in members(data)] if data[:2] == b"\x1f\x8b" else records(data, 0)[0]
    places = {rng.randrange(1, size) for _ in range(60)} | {1, 2, 9, 10, 11, size - 1, size - 4, size - 8, size - 9}
    places |= {b + d for b in rng.sample(boundaries, min(8, len(boundaries))) for d in (-9, -8, -1, 0, 1, 2, 10)}
    places = sorted(p for p in places if 0 < p < size)
    for p in places:
        yield f"cut-{p}", data[:p]
        yield f"flip-{p}", data[:p] + bytes([data[p] ^ (1 << rng.randrange(8))]) + data[p + 1:]
    for p in places[::2]:
        n = rng.choice((1, 100, 511, 512, 513, 4096, 70000))
        yield f"zeros-{p}-{n}", data[:p] + bytes(min(n, size - p)) + data[p + n:]
        yield f"zeros-{p}-to-the-end", data[:p] + bytes(size - p)
    for n in (1, 511, 512, 100000):
        yield f"padded-{n}", data + bytes(n)
    for tail in (b"x", b"\x1f", b"\x1f\x8b\x08", b"garbage behind the end\n", bytes(600) + b"x"):
        yield f"tail-{tail[:4].hex()}-{len(tail)}", data + tail
    yield "whole", data


def main():
    work, command, wrong, count = os.environ["WORK"], os.environ["COMMAND"], 0, 0
    seen = {}
    for seed, path in enumerate(sys.argv[1:]):
        data = open(path, "rb").read()
        kind = next(e for e in (".warc.gz", ".warc", ".gz") if path.endswith(e))
        files = {}
        for name, content in damaged(data, seed):
            copy = f"{work}/{os.path.basename(path)}-{name}{kind}"
            with open(copy, "wb") as f:
                f.write(content)
            files[copy] = judge_plain(content) if kind == ".warc" else judge_gzip(content, kind == ".warc.gz")
        said = subprocess.run([command, "--json", *files], stdout=subprocess.PIPE, check=False)
        results = {r["path"]: r for r in map(json.loads, said.stdout.splitlines())}
        for copy, (verdicts, whole_to, ranges) in files.items():
            r = results[copy]
            count += 1
            seen[r["verdict"]] = seen.get(r["verdict"], 0) + 1
            if r["verdict"] not in verdicts or r["whole_to"] != whole_to or \
                    (ranges and not r["more_ranges"] and [tuple(x) for x in r["ranges"]] != ranges) or \
                    (r["verdict"] == "truncated" and r["at"] != r["size"]):
                wrong += 1
                print(f"{copy}: {r} instead of {verdicts}, whole to {whole_to}, {ranges}")
            else:
                os.unlink(copy)
    print(f"{count} files, {wrong} judged otherwise; {seen}")
    return 1 if wrong or count == 0 else 0


sys.exit(main())
