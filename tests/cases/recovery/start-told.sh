# guardfs -c mounts though a backend does not answer; it says so on standard error within a second or two, and why, and where to look.
# types: sshfs sftp
# limit: 120
# long: seven starts, each until a backend is given up or connected
. "$REPO/tests/lib/lib.sh"

box_start box
mkdir -p "$WORK/box/data/jobs"

# start LIMIT_MS LINE...: the configuration with these lines in place of what they are by default; then guardfs -c.
start()
{
	local limit=$1 began line

	shift
	rm -rf "$STATE"
	conf_begin
	conf_box box
	for line in "$@"; do
		sed -i "/^${line%% = *} = /d" "$CONF"
		echo "$line" >>"$CONF"
	done
	began=$(now_ms)
	"$GUARDFS" -c "$CONF" 2>"$WORK/said" || fail "not mounted: $(cat "$WORK/said")"
	took=$(($(now_ms) - began))
	said=$(cat "$WORK/said")
	echo "after $took ms: $said"
	mounted || fail "not mounted"
	assert_le $took "$limit" "time that the start took, ms"
}

# told REGEX
told()
{
	assert_match "$said" "backend box does not answer yet: .*$1"
	assert_match "$said" "$MNT is mounted, and goes on trying; 'guardctl -c $CONF status'"
}

ends()
{
	local pid

	pid=$(process_pid guardian)
	kill -TERM "$pid"
	wait_until 15000 is_gone "$pid"
	wait_until 5000 not mounted
}

say "all is well: nothing is said"
start 4000
assert_eq "$said" ''
wait_healthy
ends

say "wrong user"
start 4000 "user = nobody"
told "refuse|[Pp]ermission|key"
ends

say "a path that is not there"
start 4000 "path = no/such/place"
told "no/such/place|[Nn]o such|not there|missing"
ends

say "another host key"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/other_key"
echo "[127.0.0.1]:2222 $(cut -d' ' -f1,2 "$WORK/other_key.pub")" >"$WORK/other_hosts"
start 4000 "known_hosts = $WORK/other_hosts"
told "[Hh]ost key"
ends

if [[ ${TYPE:-sshfs} == sshfs ]]; then
	say "no sshfs"
	start 4000 "sshfs_command = /nowhere/sshfs"
	told "/nowhere/sshfs|sshfs"
	ends
fi

say "nobody listens"
box_kill
start 4000
told "refused"
ends

say "no answer at all: nobody waits for longer than that"
box_restart
box_freeze
start 5000
told "it is connecting|timeout|no answer|did not answer"
box_thaw
ends
