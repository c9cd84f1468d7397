# sshfs has moved an open file out of the way when the connection breaks, and there is no other for longer than the rename of another over it may take: the
# caller is told of an error. Over the next connection the rename is finished, and nobody meets a name that nothing has.
# limit: 120
# long: up to eight outages, until one meets the moment
. "$REPO/tests/lib/lib.sh"

PATIENCE=2000 DEADLINE_METADATA=6000 DEADLINE_READ=6000 PROBE_TIMEOUT=4000 BACKOFF_MAX=400

is_moved_away()
{
	[[ ! -e $SERVER/published ]]
}

read_on()
{
	python3 "$REPO/tests/cases/guard/hidden-late.py" "$COLD/published" "$WORK/stop" >"$WORK/readers" 2>&1 &
	readers=$!
	wait_until 10000 test -e "$WORK/stop.reads"
}

has_a_name()
{
	[[ -e $SERVER/published ]]
}

setup_far_box 300
start_guardfs
wait_healthy
printf 'version 0\n' >"$SERVER/published"
read_on
missed=0
for ((n = 1; n <= 8 && missed == 0; n++)); do
	hold "writer-$n" append "$COLD/published"
	printf 'version %d\n' "$n" >"$COLD/next"
	mv "$COLD/next" "$COLD/published" 2>"$WORK/said" &
	publisher=$!
	while ! is_gone "$publisher" && ! is_moved_away; do :; done
	relay far refuse
	relay far cut
	rc=0
	wait "$publisher" || rc=$?
	! is_moved_away || missed=$n
	relay far thaw
	wait_healthy
done
((missed > 0)) || fail "the connection never broke while the name was missing"
assert_eq "$rc" 1 "mv's exit status"
wait_until 5000 has_a_name
assert_content "$SERVER/published" "version $missed"
assert_content "$COLD/published" "version $missed"
wait_until 1000 not test -e "$COLD/next"
# Whoever writes to the file that was moved away has lost it: nothing of his goes to the one that has its name.
assert_held EIO 0 10000 "writer-$missed" append late
for ((n = 1; n <= missed; n++)); do
	let_go "writer-$n"
done
assert_content "$SERVER/published" "version $missed"
touch "$WORK/stop"
wait "$readers"
assert_eq "$(grep -vE '^(version [0-9]|EIO)$' "$WORK/readers")" "" "else that readers were told"
