# A mount that has just been made, on a server that answers: whoever asks at once waits for the connection, and sees no error, as on
# raw sshfs.
# types: sshfs sftp
# limit: 120
# long: ten starts and ends, each with a login at the server
. "$REPO/tests/lib/lib.sh"

PATIENCE=30000 DEADLINE_METADATA=25000 # so long a login may take on a busy machine
setup_one_box
echo there >"$SERVER/file"
raw_begin
ls "$RAW/jobs/cold" >"$WORK/listed" || fail "sshfs alone has failed"
raw_end
for round in 1 2 3; do
	start_guardfs
	ls "$COLD" >"$WORK/listed" || fail "the listing right after the start failed"
	grep -qx file "$WORK/listed" || fail "the listing right after the start is not whole"
	stop_guardfs
	start_guardfs
	df "$COLD" >/dev/null || fail "the figures right after the start are missing"
	stop_guardfs
	start_guardfs
	echo "round $round" >>"$COLD/log" || fail "opening a file right after the start failed"
	assert_content "$COLD/file" there
	stop_guardfs
done
assert_content "$SERVER/log" $'round 1\nround 2\nround 3'

say "the same with no patience: an error, at once"
sed -i 's/^patience = .*/patience = 0/' "$CONF"
start_guardfs
assert_op EIO 0 500 readdir "$COLD"
wait_healthy
