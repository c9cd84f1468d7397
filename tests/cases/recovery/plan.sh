# What guardctl recover prints beforehand is what is then done: the same plan, by its hash; and what reconnect, hold and
# resume do, with and without waiting callers.
. "$REPO/tests/lib/lib.sh"

BACKOFF_MIN=30000 BACKOFF_MAX=60000
setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
say "nothing to recover: refused, nothing done"
epoch=$(backend_field box epoch)
assert_exit 1 'nothing to recover' ctl recover box --apply
assert_eq "$(backend_field box epoch)" "$epoch" "epoch"

say "while it is down, the plan that is printed is the plan that is carried out"
box_kill
wait_down
wait_value 10000 backend_field box attempts -ge 1
wait_until 10000 backend_is box down # the try has failed; the next is half a minute away
ctl recover box --dry-run
printed=$(ctl recover box --dry-run --json | jq -c '.plans[0] | {hash, epoch, steps}')
before=$(backend_field box attempts)
box_restart
applied=$(ctl recover box --apply --json | jq -c '.plans[0] | {hash, epoch, steps}')
assert_eq "$applied" "$printed" "plan"
wait_healthy
wait_until 5000 backend_is box healthy
assert_content "$COLD/file" hello
incident=$(ctl incidents --json | jq '.incidents[0].id')
hash=$(jq -r .hash <<<"$printed")
wait_value 5000 incidents ".incidents[] | select(.id == $incident) | .closed" != 0
ctl incident "$incident" --json >"$WORK/incident.json"
jq -e --arg hash "$hash" '.events | map(select(.kind == "plan" and .name == $hash)) | length >= 1' "$WORK/incident.json" >/dev/null ||
	fail "the journal does not show the plan $hash"

say "each rung of the plan that was applied is in the journal, in its order, done"
jq -r --arg hash "$hash" '.events | .[(map(.name == $hash) | rindex(true)):] | map(select(.kind == "rung") | .name + " " + .outcome) | .[]' \
	"$WORK/incident.json" >"$WORK/rungs"
jq -r '.steps[] | select(.skipped == "") | .rung + " done"' <<<"$printed" | diff - "$WORK/rungs" || fail "other rungs than planned"
assert_ge "$(backend_field box epoch)" $((epoch + 1)) "epoch"
((before >= 1)) || fail "no try was made before"

say "reconnect: a healthy one too"
sshfs=$(sshfs_pid)
epoch=$(backend_field box epoch)
ctl reconnect box
wait_value 5000 backend_field box epoch -gt "$epoch"
wait_healthy
assert_ne "$(sshfs_pid)" "$sshfs" "sshfs"
assert_content "$COLD/file" hello
assert_eq "$(ctl incidents --json | jq '.incidents | length')" 1 "an operator's reconnect is no incident"

say "hold: callers get the error at once, nothing is tried, keeper's restart changes nothing"
ctl hold box --for 10m --reason 'the data centre moves'
backend_is box held || fail "state: $(backend_field box state)"
assert_op EIO 0 300 stat "$COLD/file"
grep -q 'the data centre moves' "$MNT/.guardfs/status" || fail "status does not tell the reason"
wait_until 5000 is_gone "$(sshfs_pid || echo 0)"
old=$(process_pid keeper)
kill -9 "$old"
wait_value 5000 process_pid keeper != "$old"
wait_until 5000 ctl recover --dry-run
backend_is box held || fail "state after keeper's restart: $(backend_field box state)"
assert_exit 1 'held' ctl reconnect box

say "hold --wait: callers wait for their deadline, and what comes back in time serves them"
ctl hold box --for 10m --reason still --wait
assert_op EIO 800 $((DEADLINE_METADATA + SLACK)) stat "$COLD/file"
"$TOOLS/timed" stat "$COLD/file" >"$WORK/waiting" &
waiting=$!
wait_value 3000 backend_field box parked -ge 1
ctl resume box
wait_healthy
wait "$waiting"
cat "$WORK/waiting"
assert_match "$(cat "$WORK/waiting")" '^(OK|EIO) '
assert_content "$COLD/file" hello
assert_exit 1 'neither held nor exhausted' ctl resume box

say "a hold ends by itself"
ctl hold box --for 2s --reason short
backend_is box held || fail "not held"
wait_healthy

say "what does not exist"
assert_exit 100 'no backend' ctl reconnect nowhere
assert_exit 100 '' ctl hold box
assert_exit 100 'no such incident' ctl incident 999
