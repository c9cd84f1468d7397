"""follows.py WORKER PROCESSOR|none SECONDS: waits until a thread of the worker is SCHED_IDLE and bound to that processor; none: until
no thread is SCHED_IDLE. Exit status 0: seen; 77: not, and most of the time no processor was idle; 1: not. Starts no programs, which would
take the idle moments away."""
import os, sys, time

worker, want, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
processors = os.sysconf("SC_NPROCESSORS_ONLN")


def followed_to():
    to = []
    for tid in map(int, os.listdir(f"/proc/{worker}/task")):
        try:
            if os.sched_getscheduler(tid) == os.SCHED_IDLE:
                to.append(sorted(os.sched_getaffinity(tid)))
        except ProcessLookupError:
            pass
    return to


looks = crowded = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    to = followed_to()
    if to == ([] if want == "none" else [[int(want)]]):
        sys.exit(0)
    # This program, and the watch, which seldom runs at the same time.
    looks += 1
    crowded += int(open("/proc/loadavg").read().split()[3].split("/")[0]) > processors + 1
    time.sleep(0.003)  # sleep-ok: polling
print(f"at last: {to}; no processor idle in {crowded} of {looks} looks")
sys.exit(77 if crowded * 4 > looks else 1)
