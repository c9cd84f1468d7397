"""What a program waited for, by the log of logging-server.py: waited.py LOG SECONDS

Goes back from the last request: each was asked because the newest answer before it had come. So many round trips, by kind, are printed in one line,
those of most of them first: `KIND N`."""
import collections
import sys

# An answer comes so much later than the delay says, and is looked at so much later, on a busy machine.
EARLY, LATE = 0.002, 0.040


def requests(log):
    for line in open(log):
        at, kind, _ = (line.rstrip("\n") + " ").split(" ", 2)
        yield float(at), kind


def waited(asked, seconds):
    """Kinds of the requests on the way from the first one to the last."""
    i = len(asked) - 1
    while i >= 0:
        yield asked[i][1]
        before = asked[i][0] - seconds + EARLY
        while i >= 0 and asked[i][0] > before:
            i -= 1


counts = collections.Counter(waited(sorted(requests(sys.argv[1])), float(sys.argv[2])))
print(", ".join("%s %d" % (kind, n) for kind, n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))))
