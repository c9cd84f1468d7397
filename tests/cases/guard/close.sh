# Closing a file while its backend is away: who has only read, or has nothing unsynced, does not wait; who has, waits for the backend,
# and is told the truth.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=20000 DEADLINE_SYNC=20000
setup_one_box
echo content >"$SERVER/file"
start_guardfs
wait_healthy

# closer NAME FLAGS TEXT: opens it, writes TEXT if that is not empty (and syncs after "sync "), says so, and closes when told.
closer()
{
	mkfifo "$WORK/$1.go"
	python3 - "$COLD/$1" "$2" "$3" "$WORK/$1" <<-'END' &
		import os, sys, time
		path, flags, text, out = sys.argv[1:]
		fd = os.open(path, getattr(os, flags) | os.O_CREAT * (flags != 'O_RDONLY'))
		if text:
		    os.write(fd, text.removeprefix('sync ').encode())
		if text.startswith('sync '):
		    os.fsync(fd)
		open(out + '.ready', 'w').close()
		open(out + '.go').close()
		start = time.monotonic()
		try:
		    os.close(fd)
		    error = 0
		except OSError as e:
		    error = e.errno
		with open(out + '.took', 'w') as f:
		    f.write(f'{error} {int((time.monotonic() - start) * 1000)}')
	END
	pid[$1]=$!
	wait_until 10000 test -e "$WORK/$1.ready"
}
declare -A pid
closer file O_RDONLY ''
closer opened O_WRONLY ''
closer synced O_RDWR 'sync text'
closer written O_WRONLY text

# told NAME: closes, and sets error and ms.
told()
{
	: >"$WORK/$1.go"
	wait "${pid[$1]}"
	read -r error ms <"$WORK/$1.took" || true
	echo "$1: errno $error after $ms ms"
}

box_freeze
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/none"
wait_down
for name in file opened synced; do
	told $name
	assert_eq "$error" 0 "close of $name"
	assert_le "$ms" 1000 "close of $name, ms"
done

say "what is owed: the close waits for the backend, and then it is true that the file is whole"
: >"$WORK/written.go"
wait_value 5000 backend_field box parked -ge 1
box_thaw
wait "${pid[written]}"
read -r error ms <"$WORK/written.took" || true
echo "written: errno $error after $ms ms"
assert_eq "$error" 0 "close of what was written"
assert_content "$SERVER/written" text
