# An outage is detected without any traffic: from the fault to the state on the board at most the interval of the probes and
# their timeout; at once where the connection itself tells.
# limit: 180
# long: outages that nobody asks about, each until the interval of the probes is over, several at each kind of trouble
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

PROBE_INTERVAL=2000 PROBE_TIMEOUT=1500
box_start box
mkdir -p "$WORK/box/data/jobs/cold"
conf_begin
echo 'flap_count = 0' >>"$CONF" # these outages are the case's
conf_box box
conf_tier box/jobs/cold cold
start_guardfs
wait_healthy

# The default jitter of 10 % is half of that later at most; the rest is for a child to start in. A probe left out would make it an interval more.
BOUND=$((PROBE_INTERVAL + PROBE_INTERVAL / 20 + PROBE_TIMEOUT + 200 + OTHERS_MS))
# What it may take on a busy machine until keeper has written it down, and we have read it.
SEEN_LATER=1000

# Looks outside of the mount, so that not even .guardfs/ is touched.
state_outside()
{
	jq -r '.backends[0].state' "$RUN/status.json"
}
is_down_outside()
{
	[[ ' down recovering ' == *" $(state_outside) "* ]]
}
is_healthy_outside()
{
	[[ $(state_outside) == healthy ]]
}

# detects WHAT BOUND_MS DETECTED_BY FAULT...: from FAULT on. The fault itself takes a moment, longer on a busy machine: a probe in that
# moment still passes, and a connection may break in it.
detects()
{
	local what=$1 bound=$2 by=$3 before start took id detected

	shift 3
	wait_until 30000 is_healthy_outside
	before=$(now_ms)
	"$@"
	start=$(now_ms)
	wait_until 30000 is_down_outside
	took=$(($(now_ms) - start))
	id=$(ctl incidents --json | jq '.incidents[0].id')
	ctl incident "$id" --json | jq '.incident' >"$WORK/incident"
	detected=$(jq ".detected * 1000 - $start | floor" "$WORK/incident")
	echo "$what: detected after $detected ms by $(jq -r '.detected_by + ", class " + .class' "$WORK/incident"), seen outside after $took ms"
	assert_ge "$detected" $((before - start)) "$what: of an incident of its own, ms until detected"
	assert_le "$detected" "$bound" "$what: until detected, ms"
	assert_le "$took" $((bound + SEEN_LATER)) "$what: until seen, ms"
	assert_match "$(jq -r .detected_by "$WORK/incident")" "^($by)\$" "$what: detected by"
	[[ " ${seen[*]:-} " != *" $id "* ]] || fail "$what: no incident of its own"
	seen+=("$id")
}
seen=()

# The server that says nothing at all is found by the first probe without an answer. The transport of SFTP asks on each of its connections,
# too, and either may be the first to see it.
SILENT=probe
[[ ${TYPE:-sshfs} != sftp ]] || SILENT='probe|transport'

link_down()
{
	ip link set lo down
}

say "a server that answers nothing any more: at any moment between two probes"
for offset in 0 600 1200 1800; do
	wait_until 30000 is_healthy_outside
	sleep "$(bc <<<"scale=3; $offset / 1000")" # sleep-ok: the moment is what varies
	detects "frozen, $offset ms later" $BOUND "$SILENT" box_freeze
	box_thaw
done

say "a network that carries nothing any more"
detects 'network down' $BOUND "$SILENT" link_down
ip link set lo up

say "connections that break: the end of sshfs tells"
detects 'connections cut' $((500 + OTHERS_MS)) transport box_cut
detects 'sshd killed' $((500 + OTHERS_MS)) transport box_kill
box_restart
wait_until 30000 is_healthy_outside

say "nobody was hurt, since nobody asked"
assert_eq "$(backend_field box counters.errors) $(backend_field box counters.timeouts)" '0 0' "errors and timeouts of callers"
assert_eq "$(ctl incidents --json | jq '[.incidents[] | select(.callers > 0)] | length')" 0 "incidents that hurt callers"
