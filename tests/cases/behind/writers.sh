# What keeper writes down of files that are open for writing, for the case that all of guardfs ends: also of a path of more than 1 KiB, and anew when something is
# written over that was safe.
# limit: 120
# long: waits for what is written down of open files only now and then
. "$REPO/tests/lib/lib.sh"

# memory FILE FIELD: as written down.
memory()
{
	sqlite3 "$STATE/history.sqlite" "SELECT json_extract(value, '$.$2') FROM memory WHERE key LIKE 'writing/store/%/$1'"
}

setup_dir
start_guardfs
wait_healthy store
long=$(printf 'x%.0s' {1..200})
deep=$COLD/$long/$long/$long/$long/$long/$long
mkdir -p "$deep"
mkfifo "$WORK/go"
python3 - "$deep/log" "$COLD/over" "$WORK/go" <<'END' &
import os, sys
fds = [os.open(name, os.O_WRONLY | os.O_CREAT, 0o644) for name in sys.argv[1:3]]
for fd in fds:
    os.write(fd, b"x" * 10000)
    os.fsync(fd)
open(sys.argv[3]).read()
os.pwrite(fds[1], b"y" * 100, 500)
open(sys.argv[3]).read()
END
writer=$!
wait_value 20000 memory log size -eq 10000
wait_value 20000 memory over safe -eq 10000
echo >"$WORK/go"
# Not only when 30 s are over, as if the file had grown.
wait_value 15000 memory over safe -eq 500
assert_eq "$(memory over size)" 10000
echo >"$WORK/go"
wait $writer
