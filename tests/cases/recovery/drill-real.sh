# A drill runs no hooks; but an outage that goes on when the drill is over is one in earnest, and is acted upon as such.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

BACKOFF_MAX=500
printf '#!/bin/bash\necho "$GUARDFS_EVENT $GUARDFS_BACKEND" >>%s\n' "$WORK/calls" >"$WORK/hook"
chmod 0755 "$WORK/hook"
touch "$WORK/sentinel" "$WORK/calls"
setup_one_box
conf hooks "sentinel = $WORK/sentinel" 'confirm_failures = 2' 'confirm_age = 200ms' 'cooldown = 0s' \
	"on_down = $WORK/hook" "on_recovered = $WORK/hook"
start_guardfs
wait_until 15000 backend_is box healthy

say "a drill, and no more"
ctl drill drop box --for 4s
assert_eq "$(cat "$WORK/calls")" '' "calls"
wait_until 5000 contains "on_down, not run" ctl incident 1
ctl incident 1 >"$WORK/incident"
grep -q 'only a drill' "$WORK/incident" || fail "it is not told why: $(cat "$WORK/incident")"
wait_until 15000 backend_is box healthy
assert_eq "$(cat "$WORK/calls")" '' "calls after it"

say "a drill during which the server dies in earnest"
"$GUARDCTL" -c "$CONF" drill drop box --for 4s >"$WORK/drill" &
drill=$!
wait_down
box_kill
wait_until 20000 grep -qx 'down box' "$WORK/calls"
assert_ge "$(ctl incident 2 --json | jq '[.events[] | select(.kind == "drill" and .outcome == "over")] | length')" 1 "the drill is over"
box_restart
wait_until 15000 backend_is box healthy
wait_until 5000 grep -qx 'recovered box' "$WORK/calls"
wait "$drill"
assert_eq "$(cat "$WORK/calls")" $'down box\nrecovered box' "calls"
