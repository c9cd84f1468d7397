# The hooks of the rare events, run for real: on_suspect when what was acknowledged is lost, on_exhausted when a backend is given up;
# each with all that it is told. A hook that takes too long ends with all its children; one below a directory that others
# can write to is not run.
. "$REPO/tests/lib/lib.sh"

cat >"$WORK/hook" <<END
#!/bin/bash
{
	for name in EVENT NAME MOUNTPOINT RUN_DIR INCIDENT BACKEND CLASS STATE ROUTES JOBS; do
		value=GUARDFS_\$name
		printf '%s=%s;\n' \$name "\${!value}"
	done
	printf 'names=%s\n' "\$(compgen -e | grep -c ^GUARDFS_)"
} >"$WORK/told.\$GUARDFS_EVENT.new"
mv "$WORK/told.\$GUARDFS_EVENT.new" "$WORK/told.\$GUARDFS_EVENT"
echo "said by \$GUARDFS_EVENT"
END
cat >"$WORK/slow" <<END
#!/bin/bash
(trap '' TERM; sleep 600 & echo \$! >"$WORK/grandchild"; wait) & # sleep-ok: what the time limit is for
wait
END
mkdir "$WORK/open"
cp "$WORK/hook" "$WORK/open/hook"
chmod 0755 "$WORK/hook" "$WORK/slow" "$WORK/open/hook"
chmod 0777 "$WORK/open"
setup_one_box
sed -i 's/^\[recovery\]/&\nrecoveries_per_hour = 2\nflap_count = 0/' "$CONF"
conf hooks "sentinel = $WORK/sentinel" 'timeout = 1s' "on_suspect = $WORK/hook" "on_exhausted = $WORK/hook" \
	"on_exhausted = $WORK/slow" "on_exhausted = $WORK/open/hook"
touch "$WORK/sentinel"
echo hello >"$SERVER/file"
start_guardfs
wait_until 15000 backend_is box healthy

# hook_told INCIDENT REGEX: the journal has such a hook.
hook_told()
{
	ctl incident "$1" --json | jq -e --arg re "$2" \
		'.events | map(select(.kind == "hook") | .name + ": " + .outcome + ": " + .text) | map(test($re)) | any' >/dev/null
}
# told EVENT INCIDENT CLASS STATE: the hook of the event was told exactly this.
told()
{
	wait_until 30000 test -s "$WORK/told.$1"
	cat "$WORK/told.$1"
	diff - "$WORK/told.$1" <<-END || fail "$1: told something else"
		EVENT=$1;
		NAME=test;
		MOUNTPOINT=$MNT;
		RUN_DIR=$RUN;
		INCIDENT=$2;
		BACKEND=box;
		CLASS=$3;
		STATE=$4;
		ROUTES=$MNT/cold
		;
		JOBS=cold
		;
		names=10
	END
}
lose()
{
	local epoch

	epoch=$(backend_field box epoch)
	kill -9 "$(sshfs_pid)"
	wait_value 10000 backend_field box epoch -gt "$epoch"
}

say "what was written, acknowledged and not synced is gone after an outage"
hold writer append "$COLD/log"
assert_held OK 0 1000 writer append more
epoch=$(backend_field box epoch)
kill -9 "$(sshfs_pid)"
: >"$SERVER/log"
wait_value 10000 backend_field box epoch -gt "$epoch"
wait_until 15000 backend_is box healthy
assert_held EIO 0 2000 writer append lost
let_go writer
told suspect 1 "$(ctl incident 1 --json | jq -r .incident.class)" healthy
wait_until 5000 hook_told 1 'on_suspect .*/hook: exit 0: said by suspect'
wait_until 5000 contains "said by suspect" ctl incident 1

say "given up"
lose
wait_until 15000 backend_is box healthy
kill -9 "$(sshfs_pid)"
wait_until 15000 backend_is box exhausted
told exhausted 3 "$(ctl incident 3 --json | jq -r .incident.class)" exhausted
wait_until 15000 hook_told 3 'on_exhausted .*/open/hook: refused: .*/open is writable by others'
hook_told 3 'on_exhausted .*/hook: exit 0: said by exhausted' || fail "the output is not in the journal"
hook_told 3 'on_exhausted .*/slow: timed out after 1 s' || fail "the time limit is not in the journal"
is_gone "$(cat "$WORK/grandchild")" || fail "a grandchild of the slow hook lives on"
ctl resume box
wait_until 15000 backend_is box healthy
assert_content "$COLD/file" hello
