# Bytes that were acknowledged are lost while a close is on its way through storage already: the close says so.
. "$REPO/tests/lib/lib.sh"

DEADLINE_SYNC=8000
setup_dir 'filter = fault' "fault_control = $WORK/fault" 'durability = behind'
start_guardfs
wait_healthy store
fault 'flush delay 1500 path=file'
python3 - "$COLD/file" "$WORK/fault" >"$WORK/closed" <<'END'
import os, sys, threading, time

first = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.pwrite(first, b"a" * 4096, 0)
second = os.open(sys.argv[1], os.O_WRONLY)
while os.stat(sys.argv[1]).st_size < 4096:  # it waits for what is owed
    pass
told = []

def close():
    try:
        os.close(first)
        told.append("nothing")
    except OSError as e:
        told.append(e.strerror)

closing = threading.Thread(target=close)
closing.start()
with open(sys.argv[2] + ".new", "w") as rules:
    rules.write("flush delay 1500 path=file\nwrite error ENOSPC path=file\n")
os.rename(sys.argv[2] + ".new", sys.argv[2])
time.sleep(0.2)  # sleep-ok: the filter looks every 50 ms
os.pwrite(second, b"b" * 4096, 8192)
closing.join()
print(told[0])
END
assert_content "$WORK/closed" 'No space left on device'
