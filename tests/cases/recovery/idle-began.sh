# An outage of a backend that nobody has used for a while begins with the fault, not with the last operation.
. "$REPO/tests/lib/lib.sh"

# Probes are rare: it is the callers' operations that show what is wrong.
PROBE_INTERVAL=60000
setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_until 15000 backend_is box healthy
assert_content "$COLD/file" hello

be_idle()
{
	sleep 6 # sleep-ok: it has to be idle for some time
}
# began AFTER BEFORE: the last incident did so between these, in seconds since the epoch.
began()
{
	wait_value 15000 incidents ".incidents[0].closed" != 0
	ctl incidents --json >"$WORK/incidents"
	jq -c '.incidents[0]' "$WORK/incidents"
	jq -e --arg after "$1" --arg before "$2" '.incidents[0] | .began >= ($after | tonumber) - 0.05 and .began <= ($before | tonumber)
		and .detected >= .began' "$WORK/incidents" >/dev/null || fail "began $(jq '.incidents[0].began' "$WORK/incidents"), not between $1 and $2"
}

say "a frozen server"
be_idle
froze=$EPOCHREALTIME
box_freeze
assert_op EIO 900 3000 stat "$COLD/new"
box_thaw
began "$froze" "$(bc <<<"$froze + 3")"

say "a drill"
wait_until 15000 backend_is box healthy
be_idle
drilled=$EPOCHREALTIME
ctl drill hang box --for 3s >"$WORK/said"
cat "$WORK/said"
began "$drilled" "$(bc <<<"$drilled + 1")"
