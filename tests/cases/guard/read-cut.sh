# A read that the connection breaks off fails, or is done again: the file never seems to end there. (sshfs tells of a read that
# failed as of the end of the file: a copy would be short, without any error.)
# types: sshfs sftp
# limit: 120
# long: a large file over a slow link, cut six times, each time with a recovery
. "$REPO/tests/lib/lib.sh"

# A link as slow as this is not to be taken for a dead one.
DEADLINE_METADATA=4000 DEADLINE_READ=10000 PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
relay_start link 3333 2222
PORT=3333 setup_one_box
head -c 4000000 /dev/urandom >"$SERVER/big"
start_guardfs
wait_healthy

is_being_copied()
{
	(($(stat -L -c %s "$WORK/copy" 2>/dev/null || echo 0) > 200000))
}

# try COMMAND: what copies $COLD/big to $WORK/copy.
try()
{
	local failed=0 copying

	relay link rate 2048
	"$@" 2>"$WORK/said" &
	copying=$!
	wait_until 10000 is_being_copied
	relay link cut
	relay link rate 0
	wait "$copying" || failed=1
	if ((failed)); then
		assert_match "$(cat "$WORK/said")" 'Input/output error'
	else
		cmp "$SERVER/big" "$WORK/copy"
	fi
	say "$1: $( ((failed)) && echo failed || echo done)"
	wait_healthy
}

read_all()
{
	dd if="$COLD/big" of="$WORK/copy" bs=64k status=none
}

copy_within()
{
	cp "$COLD/big" "$COLD/copy"
}

for round in 1 2 3; do
	rm -f "$WORK/copy"
	try read_all
done
rm "$WORK/copy"
ln -s "$SERVER/copy" "$WORK/copy"
for round in 1 2 3; do
	rm -f "$SERVER/copy"
	try copy_within
done

say "another client puts a longer file in the place of one that is open: nothing of that is read as if it were of this one"
printf 'short' >"$SERVER/replaced"
exec {reader}<"$COLD/replaced"
seq 1000 >"$SERVER/longer"
mv "$SERVER/longer" "$SERVER/replaced"
wait_value 20000 stat -c %s "$COLD/replaced" -gt 1000
# An error is right, too: whether it is the end cannot be told from a read that failed.
[[ $(cat <&"$reader" 2>/dev/null) == @(|short) ]] || fail "what was read is of neither file"
exec {reader}<&-
