# A file that is replaced by rename is there at every moment, for whoever looks at it or opens it meanwhile, as on any file system.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy

cat >"$WORK/replace.py" <<'END'
import collections, errno, os, sys, threading, time

path, seconds = sys.argv[1], float(sys.argv[2])
end = time.monotonic() + seconds
seen = collections.Counter()


def replace():
    number = 0
    while time.monotonic() < end:
        number += 1
        with open(path + ".tmp", "w") as f:
            f.write("%d\n" % number * 50)
        os.rename(path + ".tmp", path)
    seen["replaced"] = number


def look(what, call):
    while time.monotonic() < end:
        try:
            call()
            seen[what + " OK"] += 1
        except OSError as e:
            seen[what + " " + errno.errorcode[e.errno]] += 1


def read():
    with open(path) as f:
        f.read()


open(path, "w").close()
threads = [threading.Thread(target=replace)]
for _ in range(3):
    threads.append(threading.Thread(target=look, args=("stat", lambda: os.stat(path))))
    threads.append(threading.Thread(target=look, args=("open", read)))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(dict(seen))
# The kernel asks again once when it is told ESTALE: twice in a row it may meet another file, but not often.
rare = sum(n for k, n in seen.items() if k.endswith(" ESTALE"))
sys.exit(rare * 200 > seen["open OK"] or any(not k.endswith((" OK", " ESTALE", "replaced")) for k in seen))
END

errors=$(backend_field box counters.errors)
python3 "$WORK/replace.py" "$COLD/state" 8 || fail "a file that was there all the time was not found"
assert_eq "$(backend_field box counters.errors)" "$errors" "errors counted of the backend"
python3 "$WORK/replace.py" "$MNT/state" 3 || fail "the same on the local tier"
