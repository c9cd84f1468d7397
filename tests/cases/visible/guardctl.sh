# guardctl: what it says and its exit statuses; it never touches the mount.
. "$REPO/tests/lib/lib.sh"

# expect STATUS PATTERN COMMAND...
expect()
{
	local want=$1 pattern=$2 rc=0 out

	shift 2
	out=$(timeout 20 "$@" 2>&1) || rc=$?
	echo "$*: $rc: $(head -n 1 <<<"$out")"
	assert_eq "$rc" "$want" "exit status of $*: $out"
	assert_match "$out" "$pattern" "output of $*"
}

ctl()
{
	"$GUARDCTL" -c "$CONF" "$@"
}
export -f ctl
export GUARDCTL CONF

setup_one_box
expect 111 . bash -c 'ctl status'
expect 75 . bash -c 'ctl wait --state healthy --timeout 300ms'
start_guardfs
wait_healthy
wait_value 10000 cat "$RUN/health" == 'ok*'
expect 0 '^ok none [0-9]+' bash -c 'ctl health'
expect 0 box bash -c 'ctl status'
expect 0 '"schema"' bash -c 'ctl status --json'
expect 0 '^ok .*local' bash -c "ctl health $MNT/some/where"
expect 0 '^ok .*box' bash -c "ctl health $MNT/cold/some/where"
expect 0 '^ok .*box' bash -c "cd $MNT/cold && ctl health ."
expect 100 . bash -c 'ctl health /elsewhere'
expect 0 '' bash -c 'ctl wait --state healthy --timeout 5s'
expect 0 '' bash -c 'ctl wait --state healthy --timeout 5s box'
expect 75 . bash -c 'ctl wait --state down --timeout 200ms'
expect 100 . bash -c 'ctl wait --state healthy --timeout 5s nonesuch'
expect 100 . bash -c 'ctl nonesuch'
expect 100 . bash -c 'ctl'
expect 100 . bash -c 'ctl wait --state nonesuch --timeout 1s'
expect 100 . bash -c 'ctl wait --state healthy --timeout nonesuch'
expect 0 '[0-9]' "$GUARDCTL" version
expect 0 . "$GUARDCTL" help

say "without root"
expect 0 '^ok' setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'ctl health'

say "down: told at once, although everything in the mount is stuck"
box_kill
wait_down
wait_value 5000 cat "$RUN/health" == 'down*'
start=$(now_ms)
expect 2 '^down [a-z_]+ [0-9]+' bash -c 'ctl health'
expect 2 'box' bash -c "ctl health $MNT/cold/x"
expect 0 'local' bash -c "ctl health $MNT/x"
assert_le $(($(now_ms) - start)) 1000 "three answers while down, ms"
box_restart
expect 0 '' bash -c 'ctl wait --state healthy --timeout 15s'

say "adopt"
expect 0 'marker = ' bash -c 'ctl adopt box'
assert_match "$(cat "$WORK/box/data/.guardfs-id")" '^[0-9a-f-]{36}$'
expect 1 . bash -c 'ctl adopt box'
