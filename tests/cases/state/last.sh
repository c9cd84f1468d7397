# What the last close of a state file publishes, of which nobody hears: it is not lost by a worker that dies, an outage, or a backend that is
# full, and nobody who comes after it finds what was before it, nor is overtaken by it.
# limit: 120
# long: kills and errors at each step of publishing, each with a recovery
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/state/writers.bash"

FILE=.archive_state.json
DEADLINE_SYNC=8000 PROBE_INTERVAL=500 BACKOFF_MAX=400 PATIENCE=5000

no_leftover()
{
	assert_eq "$(find "$SERVER" -name '*.guardfs-*')" "" "files left beside"
}

is_inside()
{
	(($(backend_field store inflight) > 0))
}

# by_child TEXT: opened by one process, written and closed last by another.
by_child()
{
	python3 - "$COLD/$FILE" "$1" <<-'END'
		import os, sys
		fd = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)
		ready = os.pipe()
		child = os.fork()
		if child == 0:
		    os.read(ready[0], 1)
		    os.write(fd, sys.argv[2].encode())
		    os.close(fd)
		    os._exit(0)
		os.close(fd)
		os.write(ready[1], b".")
		os.waitpid(child, 0)
	END
}

setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store

say "the worker is killed while it is published"
for step in create write fsync rename; do
	echo former >"$COLD/$FILE"
	fault "$step hang path=*$FILE*"
	by_child "new by $step"
	wait_until 3000 is_inside
	assert_content "$SERVER/$FILE" former
	kill -9 "$(process_pid worker)"
	rm "$WORK/fault"
	wait_until 10000 contains "new by $step" cat "$SERVER/$FILE"
	wait_healthy store
	: >"$COLD/$FILE"
	wait_until 5000 not test -s "$SERVER/$FILE"
done

say "others sync meanwhile: nobody takes its handle away"
echo former >"$COLD/$FILE"
fault "create delay 1500 path=.*guardfs* count=1"
by_child "new while others sync"
wait_until 3000 is_inside
begun=$(now_ms)
for ((i = 0; i < 20; i++)); do
	ctl sync >/dev/null
	content=$(cat "$SERVER/$FILE")
	(($(now_ms) < begun + 1000)) || break
	assert_eq "$content" former "the state file, while others sync"
	(echo other >"$COLD/other-$i")
done
wait_until 5000 contains "new while others sync" cat "$SERVER/$FILE"
assert_content "$COLD/$FILE" "new while others sync"
fault ''

say "the connection is lost, or storage has an error that passes"
for error in ENOTCONN EIO; do
	echo former >"$COLD/$FILE"
	fault "create error $error count=1"
	by_child "new after $error"
	wait_until 10000 contains "new after $error" cat "$SERVER/$FILE"
	wait_healthy store
done
fault ''
no_leftover
assert_eq "$(ctl suspects --json | jq length)" 0 "suspects"

say "an error for good: the log says so, and the file is suspect"
echo former >"$COLD/$FILE"
fault "create error ENOSPC"
by_child "no room for it"
suspects()
{
	ctl suspects --json | jq length
}
wait_value 5000 suspects == 1
fault ''
assert_content "$SERVER/$FILE" former
no_leftover

say "emptied, and then: who comes after it finds it so"
for ((i = 0; i < 100; i++)); do
	echo former >"$COLD/$FILE"
	: >"$COLD/$FILE"
	echo "line $i" >>"$COLD/$FILE"
	assert_content "$SERVER/$FILE" "line $i"
	: >"$COLD/$FILE"
	assert_content "$COLD/$FILE" ""
done
fault "create delay 200 path=.*guardfs*"
echo former >"$COLD/$FILE"
: >"$COLD/$FILE"
echo line >>"$COLD/$FILE"
assert_content "$SERVER/$FILE" line
fault ''

say "what others wrote in place meanwhile is kept on the local disk"
begin a "$COLD/$FILE"
tell a write new
python3 - "$COLD/$FILE" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
os.write(fd, b"appended\n")
os.fsync(fd)
os.close(fd)
END
assert_content "$SERVER/$FILE" $'line\nappended'
finish a
assert_content "$SERVER/$FILE" new
wait_until 5000 contains "appended" ctl generations "cold/$FILE" --show 2
assert_match "$(cat "$WORK"/guardfs*.log)" 'changed in place while it was being rewritten'

say "guardfs ends before it can be published: the log names it"
fault "create error ENOTCONN path=.*guardfs*"
by_child "never published"
stop_guardfs $((DEADLINE_SYNC + 20000)) # it tries for as long as a sync may take
assert_content "$SERVER/$FILE" new
assert_match "$(cat "$WORK"/guardfs*.log)" "cold/$FILE: its new content was not published: guardfs has ended"
