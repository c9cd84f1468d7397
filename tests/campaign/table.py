#!/usr/bin/env python3
"""The table of the peers, in Markdown: table.py PEERS.json, a line each of peers.bash."""
import json
import sys


def main():
    with open(sys.argv[1]) as f:
        tries = [json.loads(line) for line in f]
    subjects = list(dict.fromkeys(t["subject"] for t in tries))

    def row(title, value):
        print("| %s | %s |" % (title, " | ".join(str(value([t for t in tries if t["subject"] == s])) for s in subjects)))

    def outages(n, kinds=("silent", "refused")):
        return lambda ts: " / ".join(str(sum(t["errors_in_outage"] for t in ts if t["seconds"] == n and t["outage"] == k)) for k in kinds)

    def usable(n):
        def of(ts):
            return " / ".join(", ".join("%.1f" % t["usable_after"] for t in ts if t["seconds"] == n and t["outage"] == k) or "-"
                              for k in ("silent", "refused"))
        return of

    def lost(kinds):
        return lambda ts: sum(t["lost_silent"] for t in ts if t["outage"] in kinds)

    def damaged(kinds):
        return lambda ts: sum(t["damaged_unmarked"] for t in ts if t["outage"] in kinds)

    print("| | %s |" % " | ".join(subjects))
    print("|---|%s" % ("---|" * len(subjects)))
    row("network outages: bytes lost in silence", lost(("silent", "refused")))
    row("files damaged that no list names", damaged(("silent", "refused")))
    row("synced bytes lost", lambda ts: sum(t["lost_synced"] for t in ts))
    row("server loses its power: bytes lost in silence", lost(("power",)))
    row("files damaged that no list names", damaged(("power",)))
    row("longest call, s", lambda ts: max(max(t["longest"].values(), default=0) for t in ts))
    row("calls hung (more than 45 s after the end)", lambda ts: sum(t["hung"] for t in ts))
    for n in (2, 5, 30):
        row("errors, outage of %d s (silent / refused)" % n, outages(n))
    for n in (2, 5, 30):
        row("usable again after s, outage of %d s (silent / refused)" % n, usable(n))
    row("stale or torn reads of a published file", lambda ts: sum(t["wrong_reads"] for t in ts))


if __name__ == "__main__":
    main()
