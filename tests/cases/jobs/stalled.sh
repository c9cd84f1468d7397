# Two jobs, one at work, one not: named; storage blamed while it is frozen and after; on_stall run for a crawl that stands
# still, and only with its sentinel, within its caps, and while no other job goes on.
# limit: 180
# long: jobs that must stand still for a while, an outage and several starts
. "$REPO/tests/lib/lib.sh"

cat >"$WORK/hook" <<END
#!/bin/bash
echo "\$GUARDFS_EVENT|\$GUARDFS_BACKEND|"\$GUARDFS_JOBS"|"\$GUARDFS_ROUTES >>$WORK/calls
END
chmod 0755 "$WORK/hook"
: >"$WORK/calls"
DEADLINE_WRITE=2000 DEADLINE_SYNC=2000
setup_one_box
mkdir -p "$WORK/box/data/jobs/cold/20260101T000000Z__a"
conf jobs 'pattern = */[0-9]*__*' "stall_sentinel = $WORK/stall" 'stall_cooldown = 2s' 'stall_per_day = 2'
conf hooks "on_stall = $WORK/hook"
start_guardfs
wait_until 15000 backend_is box healthy

a=cold/20260101T000000Z__a b=hc/20260102T000000Z__b
mkdir -p "$MNT/$b"
# blames JOB: who is to blame for a job that made no progress for a second.
blames()
{
	ctl stalled --require-no-progress-seconds "${2:-1}" --json | jq -r ".stalled[] | select(.name == \"$1\") | .blame"
}
# apply_says REGEX: asked to act, it answers so.
apply_says()
{
	local text

	text=$(ctl stalled --require-no-progress-seconds 1 --apply || true)
	[[ $text =~ $1 ]]
}
# A writer that goes on: 20 lines a second, synced, until its file is removed.
write_on()
{
	while [[ -e $WORK/goes.$2 ]]; do
		echo line
		sleep 0.05 # sleep-ok: the pace of a writer
	done >>"$1" 2>/dev/null
}
hold a append "$MNT/$a/log"
assert_held OK 0 2000 a write first
touch "$WORK/goes.b"
write_on "$MNT/$b/log" b &
writer=$!

say "one stands still, one goes on"
assert_exit 0 'no job is stalled' ctl stalled
wait_value 10000 blames $a == crawl
assert_eq "$(blames $b 8)" '' "the job that goes on"
assert_exit 1 "^$a: no progress for .*1 files open for writing, tier box.*to blame: crawl" ctl stalled --require-no-progress-seconds 1

say "nothing is done without the sentinel, nor while the other goes on"
assert_match "$(ctl stalled --require-no-progress-seconds 1 --apply || true)" 'not run: the sentinel .*stall is not there'
touch "$WORK/stall"
assert_match "$(ctl stalled --require-no-progress-seconds 1 --apply || true)" "not run: $b made progress [0-9]+ s ago"
assert_eq "$(cat "$WORK/calls")" '' "hooks run"

say "a frozen backend: storage is to blame, also when it is well again"
box_freeze
ls "$COLD" >/dev/null 2>&1 || true
wait_down
assert_eq "$(blames $a)" storage "while it is frozen"
rc=0
text=$(ctl stalled --require-no-progress-seconds 2 --apply) || rc=$?
assert_eq "$rc" 75 "exit status"
assert_match "$text" 'to blame: storage: box is (down|recovering)'
box_thaw
wait_until 20000 backend_is box healthy
assert_eq "$(blames $a)" storage "when it is healthy again"
assert_match "$(ctl stalled --require-no-progress-seconds 1 || true)" 'healthy since [0-9]+ s only|last error'
assert_eq "$(cat "$WORK/calls")" '' "hooks run"

say "the hook is run for the one that stands, once no other goes on (a new guardfs knows of none)"
rm "$WORK/goes.b"
wait "$writer"
let_go a
stop_guardfs
start_guardfs
wait_until 15000 backend_is box healthy
hold a append "$MNT/$a/log"
assert_held OK 0 2000 a write second
wait_value 10000 blames $a == crawl
assert_match "$(ctl stalled --require-no-progress-seconds 1 --apply || true)" "on_stall is run for $a"
wait_until 5000 test -s "$WORK/calls"
assert_eq "$(cat "$WORK/calls")" "stall|box|$a|$MNT/$a" "the hook's environment"
assert_match "$(ctl stalled --require-no-progress-seconds 1 --apply || true)" 'not run: the last one is less than 2 s ago'
assert_eq "$(wc -l <"$WORK/calls")" 1 calls

say "its cap a day holds across keepers"
wait_until 10000 apply_says 'on_stall is run'
wait_value 5000 grep -c "" "$WORK/calls" -eq 2
wait_until 10000 apply_says '2 within a day are the cap'
kill -9 "$(process_pid keeper)"
wait_until 15000 apply_says '2 within a day are the cap'
assert_eq "$(wc -l <"$WORK/calls")" 2 calls

say "the journal has it"
stop_guardfs
python3 - "$STATE/history.sqlite" <<'END' >"$WORK/events"
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute("select kind, name, outcome, text from events where kind in ('hook', 'note')"):
    print("|".join(str(column) for column in row))
END
cat "$WORK/events"
grep -q "note|stall|on_stall is run|$a: no progress for" "$WORK/events"
grep -q "hook|on_stall $WORK/hook|exit 0" "$WORK/events"
grep -q "hook|on_stall|not run|$a: the sentinel" "$WORK/events"
grep -q "hook|on_stall|not run|$a: $b made progress" "$WORK/events"
grep -q "hook|on_stall|not run|$a: 2 within a day" "$WORK/events"
