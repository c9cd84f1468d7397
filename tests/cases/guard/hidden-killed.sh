# sshfs moves a file out of the way that is open when another is renamed over it, and is killed before the other has its name: the rename is made again
# over the next connection. Whoever asks for the name meanwhile waits for that.
# limit: 60
. "$REPO/tests/lib/lib.sh"

PATIENCE=10000 DEADLINE_METADATA=10000 DEADLINE_READ=10000 ROUNDS=2

is_moved_away()
{
	[[ ! -e $SERVER/published ]]
}

setup_far_box 100
start_guardfs
wait_healthy
printf 'version 0\n' >"$SERVER/published"
python3 - "$COLD/published" "$WORK/stop" >"$WORK/readers" 2>&1 <<'END' &
import errno, os, sys, threading

def read(path, stop, seen):
    """A reader that has one version open while it opens the next."""
    before = open(path)
    while not os.path.exists(stop):
        try:
            now = open(path)
        except OSError as e:
            seen.append("%s" % e)
            continue
        before.close()
        before = now
        try:
            seen.append(os.pread(now.fileno(), 100, 0).decode().strip())
        except OSError as e:
            if e.errno != errno.EIO:  # the version that is removed is lost with its connection
                seen.append("%s" % e)

seen = [[] for _ in range(4)]
threads = [threading.Thread(target=read, args=(sys.argv[1], sys.argv[2], s)) for s in seen]
[t.start() for t in threads]
[t.join() for t in threads]
print("\n".join(sorted({what for s in seen for what in s})))
END
readers=$!
killed=0
for ((n = 1; n <= ROUNDS; n++)); do
	printf 'version %d\n' "$n" >"$COLD/next"
	mv "$COLD/next" "$COLD/published" &
	publisher=$!
	while ! is_gone "$publisher" && ! is_moved_away; do :; done
	if is_moved_away; then
		kill -9 "$(sshfs_pid)"
		killed=$((killed + 1))
	fi
	wait "$publisher" || fail "the rename failed"
	assert_content "$SERVER/published" "version $n"
	wait_healthy
done
touch "$WORK/stop"
wait "$readers"
cat "$WORK/readers"
((killed > 0)) || fail "sshfs was never killed while the name was missing"
assert_eq "$(grep -v '^version [0-9]$' "$WORK/readers")" "" "else that readers were told"
