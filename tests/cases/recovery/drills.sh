# Drills make trouble for real, measure it, and end: as drills in the journal, with the backend healthy afterwards.
. "$REPO/tests/lib/lib.sh"

setup_one_box
conf 'backend store' 'type = dir' "path = $WORK/store" 'filter = fault'
mkdir "$WORK/store"
echo hello >"$SERVER/file"
start_guardfs
wait_until 15000 backend_is box healthy

creates_but_cannot_write()
{
	[[ $("$TOOLS/timed" create "$MNT/.guardfs/backends/store/f$RANDOM$RANDOM") == OK\ * ]] && not write_to "$MNT/.guardfs/backends/store/x"
}

# drilled KIND SECONDS: runs it on box, and looks at what the journal made of it.
drilled()
{
	say "$1"
	wait_until 15000 backend_is box healthy
	ctl drill "$1" box --for "$2"
	wait_until 20000 backend_is box healthy
	wait_value 5000 incidents ".incidents[0].closed" != 0
	ctl incidents --json >"$WORK/incidents"
	assert_eq "$(jq -r '.incidents[0].kind' "$WORK/incidents")" drill "kind"
	jq -e '.incidents[0] | .detected >= .began - 1 and .recovered >= .detected and .first_error > 0 and .failed > 0' \
		"$WORK/incidents" >/dev/null || fail "figures: $(jq -c '.incidents[0]' "$WORK/incidents")"
	assert_content "$COLD/file" hello
}
drilled hang 4s
drilled drop 2s
drilled auth 2s
ctl incident "$(jq '.incidents[0].id' "$WORK/incidents")" | tee "$WORK/auth"
grep -q auth_failed "$WORK/auth" || fail "auth: another class"

say "worker-kill, keeper-kill: no incident, nobody hurt for long, and neither is taken for a crash"
before=$(jq '.incidents | length' "$WORK/incidents")
old=$(process_pid worker)
ctl drill worker-kill box --for 2s
wait_value 5000 process_pid worker != "$old"
assert_content "$COLD/file" hello
old=$(process_pid keeper)
ctl drill keeper-kill box --for 2s || true # the one who would answer is gone
wait_value 5000 process_pid keeper != "$old"
wait_value 5000 incidents ".incidents | length" == "$before"
assert_eq "$(status '"\(.keeper_restarts) \(.worker_restarts) \(.crashes_total)"')" "0 0 0" "keepers and workers that died, crashes"
assert_fails grep -E '^(warning|error) +(crashes|processes) ' <(ctl doctor)

say "slow and full need the fault filter"
assert_exit 1 'filter = fault' ctl drill slow box --for 2s
"$GUARDCTL" -c "$CONF" drill full store --for 2s >"$WORK/full" &
drill=$!
wait_until 3000 creates_but_cannot_write
wait "$drill"
cat "$WORK/full"
grep -q 'errors: the first (ENOSPC) after' "$WORK/full" || fail "full: the drill's own caller has met nothing"
wait_until 5000 write_to "$MNT/.guardfs/backends/store/y"
assert_eq "$(find "$WORK/store" -name '.drill*')" '' "what the drill's caller left behind"

say "a keeper that dies in a drill leaves nothing of it behind"
"$GUARDCTL" -c "$CONF" drill full store --for 20s &
drill=$!
wait_until 3000 not write_to "$MNT/.guardfs/backends/store/x"
old=$(process_pid keeper)
kill -9 "$old"
wait_until 5000 write_to "$MNT/.guardfs/backends/store/y"
kill "$drill"
wait "$drill" || true

say "what cannot be"
assert_exit 1 'type sshfs' ctl drill hang store --for 2s
assert_exit 100 '' ctl drill earthquake box --for 2s
assert_exit 0 '' ctl drill hang box --for 20s --simulate
backend_is box healthy || fail "a simulation did something"
