# A caller that waits for a frozen server can be killed at once; other signals wait for the result.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=20000 PROBE_INTERVAL=30000 PROBE_TIMEOUT=25000
setup_one_box
start_guardfs
wait_healthy
stat "$COLD" >/dev/null # not listed: a name that is not there would be known
cat >"$WORK/three.py" <<'END'
import os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
os.stat(sys.argv[1])
END
box_freeze
"$TOOLS/timed" stat "$COLD/one" >"$WORK/one" &
one=$!
"$TOOLS/timed" stat "$COLD/two" >"$WORK/two" &
two=$!
python3 "$WORK/three.py" "$COLD/three" 2>/dev/null &
three=$!
wait_value 5000 backend_field box inflight -ge 3
kill -KILL "$one"
wait_until 2000 is_gone "$one"
kill -WINCH "$two"
sleep 0.5 # sleep-ok: time for what must not happen
[[ -d /proc/$two && ! -s $WORK/two ]] || fail "a harmless signal ended a call: $(cat "$WORK/two")"
say "killed when it had been interrupted before, of which alone the kernel tells"
is_killable()
{
	[[ $(sed 's/.*) \(.\).*/\1/' "/proc/$three/stat") == D ]]
}
kill -USR1 "$three"
wait_until 2000 is_killable
kill -KILL "$three"
wait_until 2000 is_gone "$three"
box_thaw
wait "$two"
assert_match "$(cat "$WORK/two")" '^ENOENT '
backend_is box healthy probation degraded || fail "that was no outage: $(backend_field box state)"
