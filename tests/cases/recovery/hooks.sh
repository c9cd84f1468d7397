# Hooks: run only with the sentinel, only when confirmed, within their caps; on_recovered only after on_down; their
# output, refusal and time limit in the journal.
. "$REPO/tests/lib/lib.sh"

cat >"$WORK/hook" <<END
#!/bin/bash
echo "\$GUARDFS_EVENT \$GUARDFS_BACKEND \$GUARDFS_CLASS \$GUARDFS_INCIDENT" \$GUARDFS_ROUTES \$GUARDFS_JOBS "\$*" >>$WORK/calls
echo "said by \$GUARDFS_EVENT"
END
printf '#!/bin/bash\nsleep 600\n' >"$WORK/slow" # sleep-ok: what the time limit is for
chmod 0755 "$WORK/hook" "$WORK/slow"
cp "$WORK/hook" "$WORK/shared"
chmod 0777 "$WORK/shared"
: >"$WORK/calls"
setup_one_box
sed -i 's/^\[recovery\]/&\nflap_count = 0/' "$CONF"
conf hooks "sentinel = $WORK/sentinel" 'timeout = 1s' 'confirm_failures = 2' 'confirm_age = 1500ms' 'cooldown = 0s' \
	'per_hour = 2' "on_down = [\"$WORK/hook\", \"a b\", \"\$HOME;\"]" "on_down = $WORK/slow" "on_down = $WORK/shared" \
	"on_recovered = $WORK/hook"
start_guardfs
wait_healthy

# outage: the server dies, is dead until the incident was acted upon or told, and comes back.
outage()
{
	box_kill
	wait_down
	wait_until 15000 "$@"
	box_restart
	wait_until 15000 backend_is box healthy
}
newest()
{
	ctl incidents --json | jq '.incidents[0].id'
}
# hook_told INCIDENT REGEX: the journal has such a hook.
hook_told()
{
	ctl incident "$1" --json | jq -e --arg re "$2" \
		'.events | map(select(.kind == "hook") | .name + ": " + .outcome + ": " + .text) | map(test($re)) | any' >/dev/null
}

say "without the sentinel: reconnected all the same, nothing run, and said so"
outage hook_told 1 'on_down: not run: the sentinel .* is not there'
assert_eq "$(cat "$WORK/calls")" ''

say "with it: on_down when two tries have failed and the outage is 1.5 s old, then on_recovered"
touch "$WORK/sentinel"
started=$(now_ms)
outage hook_told 2 'on_down .*/shared: refused'
cat "$WORK/calls"
assert_ge $(($(now_ms) - started)) 1500 "time before on_down"
assert_match "$(head -n 1 "$WORK/calls")" "^(on_)?down box [a-z_]+ 2 $MNT/cold cold a b .HOME;\$"
wait_until 5000 grep -q recovered "$WORK/calls"
hook_told 2 'on_down .*/hook: exit 0: said by' || fail "the output is not in the journal"
hook_told 2 'on_down .*/slow: timed out' || fail "the time limit is not in the journal"
hook_told 2 'on_down .*/shared: refused.*writable' || fail "the refusal is not in the journal"
assert_eq "$(pgrep -cf "$WORK/slow" || true)" 0 "slow hooks left"

say "the caps: a third outage within the hour runs nothing, and says why"
outage hook_told 3 'on_down .*/shared'
lines=$(wc -l <"$WORK/calls")
# What was done counts over the end of keeper, and of guardfs.
kill -9 "$(process_pid keeper)"
stop_guardfs
start_guardfs
wait_until 15000 backend_is box healthy
outage hook_told 4 'on_down: not run: 2 within an hour are the cap'
assert_eq "$(wc -l <"$WORK/calls")" "$lines" "calls"
backend_is box healthy || fail "not healthy"

say "a drill runs no hooks"
ctl drill drop box --for 3s
wait_until 15000 backend_is box healthy
assert_eq "$(wc -l <"$WORK/calls")" "$lines" "calls after a drill"
