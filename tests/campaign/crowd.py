#!/usr/bin/env python3
"""Writers and readers at work: crowd.py PLACE[:PLACE...] SCRATCH SEED KIND[:NAME]...

The PLACEs are one directory, seen at several paths. They work until SCRATCH/stop is there, and close their files then. What each file must hold is
left in SCRATCH/NAME.oracle, for judge.py. SCRATCH/calls has the number of calls so far of each, SCRATCH/busy what has not come back at the end."""
import multiprocessing
import os
import pickle
import random
import sys
import threading
import time

import readers
import writers

HUNG_S = float(os.environ.get("CAMPAIGN_HUNG", "60"))


def watch(caller, name, scratch):
    """Tells, from beside the caller, of a call that does not come back once all trouble is over."""
    stop, since = os.path.join(scratch, "stop"), None
    while True:
        time.sleep(0.5)  # sleep-ok: the rate of looking
        if os.path.exists(stop):
            since = since or time.monotonic()
            busy = caller.call.busy
            if busy and time.monotonic() - max(since, busy[0]) > HUNG_S:
                with open(os.path.join(scratch, name + ".hung"), "w") as f:
                    f.write("%s: for %.0f s\n" % (busy[1], time.monotonic() - busy[0]))
                save(caller, name, scratch)
                os._exit(3)


def save(caller, name, scratch):
    temporary = os.path.join(scratch, name + ".new")
    with open(temporary, "wb") as f:
        pickle.dump({"name": name, "kind": caller.kind, "files": caller.files, "wrong": list(caller.call.wrong), "longest": caller.call.longest,
                     "errors": caller.call.errors, "errors_at": caller.call.errors_at, "calls": caller.call.n, "counts": caller.counts}, f)
    os.rename(temporary, os.path.join(scratch, name + ".oracle"))


def work(places, scratch, seed, kind, name):
    def stopped():
        return os.path.exists(os.path.join(scratch, "stop"))

    pause = float(os.environ.get("CAMPAIGN_PAUSE", "0.04"))
    rng = random.Random("%s %s" % (seed, name))
    if kind == "reader":
        caller = readers.Reader(places, "publish", scratch, rng)
    else:
        caller = writers.KINDS[kind](places, name, rng.getrandbits(60), scratch)
    threading.Thread(target=watch, args=(caller, name, scratch), daemon=True).start()
    caller.run(stopped, pause)
    save(caller, name, scratch)


def main():
    places, scratch, seed = sys.argv[1].split(":"), sys.argv[2], sys.argv[3]
    os.makedirs(scratch, exist_ok=True)
    crowd = []
    for which in sys.argv[4:]:
        kind, _, name = which.partition(":")
        crowd.append(multiprocessing.Process(target=work, args=(places, scratch, seed, kind, name or kind)))
        crowd[-1].start()
    for process in crowd:
        process.join()
    sys.exit(max(abs(process.exitcode) for process in crowd))


if __name__ == "__main__":
    main()
