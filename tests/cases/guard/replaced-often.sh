# A name is replaced by rename, through the mount, as fast as it can be: whoever opens it reads one version, whole, and none older than the one that was
# there. It is never told that the name came to another file twice in a row (ESTALE).
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

cat >"$WORK/often.py" <<'END'
import multiprocessing, os, sys

COUNT, PUBLISHERS, READERS = int(sys.argv[1]), 3, 4
place = sys.argv[2]
name = os.path.join(place, "name")

def write(path, n):
    with open(path, "wb") as f:
        f.write(b"%08d" % n * 100)

def publish(n, ended):
    tmp = os.path.join(place, "tmp%d" % n)
    while not ended.is_set():
        write(tmp, n)
        os.rename(tmp, name)

def read(n, ended):
    wrong = []
    for _ in range(COUNT):
        try:
            with open(name, "rb", buffering=0) as f:
                got = f.read(10000)
            if len(got) != 800 or got != got[:8] * 100:
                wrong.append("read %d bytes %r" % (len(got), got[:40]))
        except OSError as e:
            wrong.append("open or read: %s" % e)
    print(COUNT, "opens,", len(wrong), "wrong", wrong[:3], flush=True)
    sys.exit(len(wrong) > 0)

write(name, 9)
ended = multiprocessing.Event()
publishers = [multiprocessing.Process(target=publish, args=(n, ended)) for n in range(PUBLISHERS)]
readers = [multiprocessing.Process(target=read, args=(n, ended)) for n in range(READERS)]
for p in publishers + readers:
    p.start()
for p in readers:
    p.join()
ended.set()
for p in publishers:
    p.join()
sys.exit(any(p.exitcode for p in publishers + readers))
END

setup_one_box
start_guardfs
wait_healthy
python3 "$WORK/often.py" 400 "$COLD"
