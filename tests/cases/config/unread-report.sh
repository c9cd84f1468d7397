# Whoever starts guardfs in the background is told why it reports a failure, also where what the daemon says of its start cannot be read.
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/inject.sh"

setup_local
told=0
for n in 1 2 3 4 5 6; do
	inject call "$n" 1 read
	rc=0
	"${INJECTING[@]}" "$GUARDFS" -c "$CONF" </dev/null >"$WORK/said" 2>&1 || rc=$?
	inject none 0
	cat "$WORK/said"
	((rc == 0)) || [[ -s $WORK/said ]] || fail "read $n: exit status $rc without a word"
	if grep -q 'report cannot be read' "$WORK/said"; then
		told=1
	elif ((rc != 0)); then
		! mounted || fail "read $n: it serves, and says nothing of it"
		continue
	fi
	wait_until 10000 mounted # the one whose report was lost goes on
	umount "$MNT"
	wait_until 10000 not mounted
	wait_until 10000 not test -e "$RUN/control.sock"
done
assert_eq "$told" 1 "the report was lost once"
