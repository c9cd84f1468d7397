# guardctl doctor on a real mount: what is wrong is found with its remedy, and what is not is not complained of.
. "$REPO/tests/lib/lib.sh"

# doctor STATUS [ARGUMENT...]: the findings, into WORK/findings; STATUS is a pattern.
doctor()
{
	local want=$1 rc=0

	shift
	timeout 60 "$GUARDCTL" -c "$CONF" doctor --json "$@" >"$WORK/findings" || rc=$?
	[[ $rc =~ ^($want)$ ]] || fail "exit status $rc, expected $want: $(jq -c . "$WORK/findings")"
}

# severity ID: the worst of that id, or nothing.
severity()
{
	jq -r --arg id "$1" 'map(select(.id == $id).severity) |
		if index("error") then "error" elif index("warning") then "warning"
		elif index("note") then "note" else .[0] // "" end' "$WORK/findings"
}

finding()
{
	jq -r --arg id "$1" '.[] | select(.id == $id).found' "$WORK/findings"
}

setup_one_box

say "not running: the rest is checked all the same"
doctor '1'
assert_eq "$(severity instance)" warning
assert_eq "$(severity identity:box)" ok
assert_eq "$(severity configuration)" ok

say "a good one: nothing but what this machine itself may lack"
start_guardfs
wait_healthy
wait_until 10000 backend_is box healthy
wait_value 10000 cat "$RUN/health" == 'ok*'
doctor '0|1'
jq -r '.[] | select(.severity != "ok") | "\(.severity) \(.id): \(.found)"' "$WORK/findings"
programs=(ssh)
[[ ${TYPE:-sshfs} != sftp ]] || programs=()
for id in configuration identity:box known-hosts:box manifest routes mount foreign-mount backend:box server:box processes journal \
	instance disk:local disk:state_dir dev-fuse system-calls clock "${programs[@]}"; do
	[[ $(severity "$id") == ok || $(severity "$id") == note ]] || fail "$id: $(severity "$id"): $(finding "$id")"
done
unknown=$(jq -r '.[] | select(.severity == "warning" or .severity == "error") | .id' "$WORK/findings" |
	grep -vxE 'sshfs|libssh|open-files|fusectl|propagation|disk:.*|unit:.*' || true)
assert_eq "$unknown" '' "unexpected warnings"

say "a key that others can read, a route to nowhere, a mount in the way"
chmod 0644 "$WORK/box/user_key"
echo "$WORK/cold/box/jobs/nonesuch $MNT/nonesuch" >>"$WORK/manifest"
wait_value 15000 route_field nonesuch class == path_missing
wait_until 10000 grep -q path_missing "$RUN/status.json"
mkdir -p "$MNT/in-the-way"
mount -t tmpfs intruder "$MNT/in-the-way"
doctor 2
assert_eq "$(severity identity:box)" error
assert_match "$(finding identity:box)" 'user_key has mode 0644'
assert_match "$(jq -r '.[] | select(.id == "identity:box").remedy' "$WORK/findings")" 'chmod 0600'
assert_eq "$(severity routes)" warning
assert_match "$(finding routes)" 'nonesuch leads to jobs/nonesuch on box'
assert_eq "$(severity foreign-mount)" warning
assert_match "$(finding foreign-mount)" 'intruder'
umount "$MNT/in-the-way"
chmod 0600 "$WORK/box/user_key"

say "for people, and without root"
out=$(timeout 60 "$GUARDCTL" -c "$CONF" doctor) || true
assert_match "$out" 'warning +routes'
assert_match "$out" '-> Create the directory'
assert_match "$out" '[0-9]+ errors, [0-9]+ warnings, [0-9]+ notes, [0-9]+ ok'
chmod 0700 "$WORK/box"
out=$(timeout 60 setpriv --reuid=65534 --regid=65534 --clear-groups "$GUARDCTL" -c "$CONF" doctor) || true
chmod 0755 "$WORK/box"
assert_match "$out" 'note +identity:box'
assert_match "$out" 'Run guardctl doctor as root'

say "the backend frozen: it answers as quickly, for it touches no mount"
box_freeze
wait_down
wait_value 10000 jq -r ".backends[0].state" "$RUN/status.json" =~ 'down|recovering'
start=$(now_ms)
doctor 2
assert_le $(($(now_ms) - start)) 10000 "doctor while the backend hangs, ms"
assert_eq "$(severity backend:box)" error
box_thaw
