# durability = behind: guardfs is stopped, or its mount taken away by force, while files are open of which something is owed: that is on
# the server when guardfs has ended. And a program that is re-executed meanwhile goes on with it.
. "$REPO/tests/lib/lib.sh"

MIB=3
DEADLINE_METADATA=10000 DEADLINE_READ=10000 DEADLINE_WRITE=20000 DEADLINE_SYNC=20000 PROBE_TIMEOUT=4000

# writer FILE: writes in the background, pid $writer, and closes the file when WORK/wrote is removed.
writer()
{
	python3 - "$1" "$WORK/wrote" $MIB <<-'END' &
		import os, sys, time
		fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
		for i in range(int(sys.argv[3]) * 8):
		    assert os.write(fd, bytes([65 + i]) * 131072) == 131072
		open(sys.argv[2], "w").close()
		while os.path.exists(sys.argv[2]):
		    time.sleep(0.01)  # sleep-ok: polling
		os.close(fd)
	END
	writer=$!
	wait_until 20000 test -e "$WORK/wrote"
	(($(backend_field box owed_bytes) > 0)) || fail "nothing is owed: the case shows nothing"
}

begin()
{
	start_guardfs
	wait_healthy box
}

setup_far_box 50 'durability = behind'
relay far rate 4096

say "stopped"
begin
writer "$COLD/stopped"
stop_guardfs
assert_eq "$(stat -c %s "$SERVER/stopped")" $((MIB * 1048576)) "bytes on the server"
kill -9 $writer
wait $writer || true
rm -rf "$RUN" "$WORK/wrote"

say "closed while the backend is held: guardctl sync tells of what is owed of it still, and waits for it later"
begin
writer "$COLD/closed"
ctl hold box --for 30m --reason "a test" >/dev/null
rm "$WORK/wrote"
wait $writer && fail "close did not tell that storage has not got it"
ctl sync >"$WORK/sync" 2>&1 && fail "guardctl sync said that all is on storage: $(cat "$WORK/sync")"
assert_match "$(cat "$WORK/sync")" 'cold/closed'
ctl resume box >/dev/null
wait_healthy box
ctl sync || fail "guardctl sync failed"
assert_eq "$(stat -c %s "$SERVER/closed")" $((MIB * 1048576)) "bytes on the server"
stop_guardfs
rm -rf "$RUN"

say "re-executed"
begin
writer "$COLD/again"
kill -USR2 $GUARDIAN
rm "$WORK/wrote"
wait $writer || fail "the writer saw an error"
assert_eq "$(stat -c %s "$SERVER/again")" $((MIB * 1048576)) "bytes on the server"
