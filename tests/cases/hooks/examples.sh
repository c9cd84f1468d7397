# The shipped hooks, with a systemctl, an ha-backend, a logger and a mail that only note how they are called: what is
# done, what is not, in which order; and that a dry run does nothing.
. "$REPO/tests/lib/lib.sh"

hooks=$REPO/docs/examples/hooks
memory=$WORK/memory
mkdir "$WORK/bin" "$WORK/units"
cat >"$WORK/bin/systemctl" <<END
#!/bin/bash
# A unit is active or failed if WORK/units/UNIT says so.
case \$1 in
is-active | is-failed) [[ \$(cat "$WORK/units/\$3" 2>/dev/null) == "\${1#is-}" ]]; exit ;;
esac
echo "systemctl \$*" >>"$WORK/calls"
case \$1 in
stop) echo inactive >"$WORK/units/\$2" ;;
start) [[ ! -e "$WORK/cannot-start" ]] && echo active >"$WORK/units/\$2" ;;
esac
END
cat >"$WORK/bin/ha-backend" <<END
#!/bin/bash
echo "ha-backend \$* [\$SETTING]" >>"$WORK/calls"
exit \$(cat "$WORK/ha-status" 2>/dev/null || echo 0)
END
printf '#!/bin/bash\necho "logger $*" >>%s\n' "$WORK/calls" >"$WORK/bin/logger"
printf '#!/bin/bash\necho "mail $*" >>%s\ncat >>%s\n' "$WORK/calls" "$WORK/calls" >"$WORK/bin/mail"
chmod 0755 "$WORK"/bin/*
echo 'SETTING=from-the-file' >"$WORK/backend.env"

# hook NAME [VARIABLE=VALUE]...: runs one with the environment that guardfs gives. Prints its output and, at the end,
# what it called since the last time.
hook()
{
	local name=$1 rc=0

	shift
	: >"$WORK/calls"
	env -i PATH="$WORK/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOOK_MEMORY="$memory" HEALTHARCHIVE_ENV="$WORK/backend.env" \
		GUARDFS_EVENT="${name%%-*}" GUARDFS_NAME=jobs GUARDFS_MOUNTPOINT=/srv/jobs GUARDFS_INCIDENT=7 \
		GUARDFS_BACKEND=box GUARDFS_CLASS=timeout GUARDFS_STATE=down GUARDFS_ROUTES=$'/srv/jobs/a b\n/srv/jobs/c\n' \
		"$@" "$hooks/$name" >"$WORK/output" 2>&1 || rc=$?
	cat "$WORK/output"
	calls=$(cat "$WORK/calls")
	return "$rc"
}
unit()
{
	echo "$2" >"$WORK/units/healtharchive-$1"
}

requeued='ha-backend recover-stale-jobs --older-than-minutes 2 --require-no-progress-seconds 3600 --limit 10 --apply'
requeued+=' [from-the-file]'
restarted='systemctl try-restart healtharchive-replay'
started='systemctl start healtharchive-worker'

say "help is the comment, and calls nothing"
for name in down-stop-worker recovered-requeue-and-start exhausted-notify; do
	assert_match "$("$hooks/$name" --help)" "^$name: "
	[[ -x $hooks/$name ]] || fail "$name is not executable"
done

say "a dry run says what it would do and does nothing"
unit worker active
hook down-stop-worker DRY_RUN=1
assert_eq "$calls" '' "calls of a dry run"
assert_match "$(cat "$WORK/output")" 'would run: systemctl stop healtharchive-worker'
assert_missing "$memory"
hook recovered-requeue-and-start DRY_RUN=1
assert_eq "$calls" '' "calls of a dry run"
assert_match "$(cat "$WORK/output")" 'would run: ha-backend recover-stale-jobs'
hook exhausted-notify DRY_RUN=1
assert_eq "$calls" '' "calls of a dry run"
assert_match "$(cat "$WORK/output")" '/srv/jobs/a b'

say "down: the worker that runs is stopped; recovered: jobs requeued, unit reset, worker started, in this order"
hook down-stop-worker
assert_eq "$calls" 'systemctl stop healtharchive-worker'
unit warc-tiering failed
hook recovered-requeue-and-start
assert_eq "$calls" "$requeued"$'\n'"systemctl reset-failed healtharchive-warc-tiering"$'\n'"$restarted"$'\n'"$started"
assert_eq "$(ls -A "$memory")" '' "remembered after the recovery"

say "a unit that has not failed is left alone, and so is a worker that somebody else had stopped"
unit warc-tiering active
unit worker inactive
hook down-stop-worker
assert_eq "$calls" '' "calls for a worker that does not run"
hook recovered-requeue-and-start
assert_eq "$calls" "$requeued"$'\n'"$restarted"

say "two backends down: only the second recovery acts"
unit worker active
hook down-stop-worker
hook down-stop-worker GUARDFS_BACKEND=other
assert_eq "$calls" '' "the worker is stopped already"
hook recovered-requeue-and-start
assert_eq "$calls" '' "one is still down"
hook recovered-requeue-and-start GUARDFS_BACKEND=other
assert_eq "$calls" "$requeued"$'\n'"$restarted"$'\n'"$started"

say "a requeue that fails shows in the exit status, and the worker is started all the same"
hook down-stop-worker
echo 1 >"$WORK/ha-status"
rc=0
hook recovered-requeue-and-start || rc=$?
assert_eq "$rc" 1 "exit status"
assert_eq "$calls" "$requeued"$'\n'"$restarted"$'\n'"$started"
rm "$WORK/ha-status"

say "a worker that cannot be started is not forgotten"
hook down-stop-worker
touch "$WORK/cannot-start"
rc=0
hook recovered-requeue-and-start || rc=$?
assert_eq "$rc" 1 "exit status"
[[ -e $memory/worker-stopped ]] || fail "forgotten"
rm "$WORK/cannot-start"
hook recovered-requeue-and-start
assert_match "$calls" "$started"
assert_missing "$memory/worker-stopped"

say "exhausted: logged and mailed"
hook exhausted-notify MAILTO=ops@example.org
assert_match "$calls" '^logger -p daemon.crit -t guardfs -- guardfs jobs: backend box: exhausted \(timeout\); .*resume box'
assert_match "$calls" 'mail -s guardfs jobs: backend box: exhausted .timeout. ops@example.org'
assert_match "$calls" 'guardctl resume box.*/srv/jobs/a b'

say "without the variables of guardfs they refuse"
for name in down-stop-worker recovered-requeue-and-start exhausted-notify; do
	assert_fails env -i PATH="$WORK/bin:/usr/bin:/bin" "$hooks/$name"
done
