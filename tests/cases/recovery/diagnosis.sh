# Why a backend is down is found out, and told in the diagnosis, in the incident and in status; and finding out never costs more
# connections than the account has.
# limit: 400
# long: a dozen kinds of trouble, each with two further tries and a recovery
. "$REPO/tests/lib/lib.sh"

BACKOFF_MIN=500 BACKOFF_MAX=1000
box_start box
data=$WORK/box/data
mkdir -p "$data/root/jobs/cold"
# Connections of the mount: of type sftp two, but for an account that has two or less.
ours=1
[[ ${TYPE:-sshfs} != sftp ]] || ours=2
# configure CONNECTIONS
configure()
{
	conf_begin
	printf '%s\n' "connections = $1" 'flap_count = 0' >>"$CONF"
	conf_box box "path = $data/root"
	conf_tier box/jobs/cold cold
}
configure 4
cp "$WORK/box/sshd_config" "$WORK/sshd_config.good"

# The largest number of connections to the box at once is written down (connections.py), until end_watch.
watch_connections()
{
	python3 "$REPO/tests/cases/recovery/connections.py" 2222 "$WORK/most" &
	echo $! >"$WORK/watcher.pid"
	wait_until 5000 test -s "$WORK/most"
}
# end_watch MOST
end_watch()
{
	kill "$(cat "$WORK/watcher.pid")"
	rm "$WORK/watcher.pid"
	echo "connections at once, at most: $(cat "$WORK/most")"
	cat "$WORK/most.who"
	assert_le "$(cat "$WORK/most")" "$1" "connections at once"
	rm "$WORK/most"
}

# diagnosed: what guardctl diagnose says now, in $WORK/diagnosis; a diagnosis under way elsewhere is waited for.
diagnosed()
{
	local rc=0

	ctl diagnose box --json >"$WORK/diagnosis" 2>"$WORK/diagnosis.err" || rc=$?
	# One that is refused says nothing here, which jq takes for a success.
	((rc <= 1)) && [[ -s $WORK/diagnosis ]] && jq -e .class "$WORK/diagnosis" >/dev/null
}

# stays CLASS: over two further tries, whose own words may tell less.
stays()
{
	local attempts

	attempts=$(backend_field box attempts)
	until (($(backend_field box attempts) >= attempts + 2)); do
		assert_eq "$(backend_field box class)" "$1" "class in status, while tries fail ($(backend_field box detail))"
	done
}

# told CLASS STEP ADVICE: by the diagnosis, by the incident, and by status.
told()
{
	local class=$1 step=$2 advice=$3 id

	wait_until 30000 diagnosed
	jq -c '{class, step, detail, advice}' "$WORK/diagnosis"
	assert_eq "$(jq -r .class "$WORK/diagnosis")" "$class" "class of the diagnosis"
	assert_eq "$(jq -r .step "$WORK/diagnosis")" "$step" "step of the diagnosis"
	assert_match "$(jq -r .advice "$WORK/diagnosis")" "$advice" "advice of the diagnosis"
	assert_exit 1 "$advice" ctl diagnose box
	wait_value 5000 incidents ".incidents[0].class" == "$class"
	id=$(ctl incidents --json | jq '.incidents[0].id')
	ctl incident "$id" --json >"$WORK/incident"
	jq -e --arg class "$class" '.incident.closed == 0 and (.events | any(.kind == "diagnosis" and .outcome == $class))' \
		"$WORK/incident" >/dev/null || fail "the journal has no such diagnosis: $(jq -c '.events[] | select(.kind == "diagnosis")' "$WORK/incident")"
	wait_value 5000 backend_field box class == "$class"
	stays "$class"
	assert_match "$(backend_field box advice)" "$advice" "advice in status"
	assert_match "$(timeout 5 cat "$MNT/.guardfs/health")" "^down $class " "health"
}

# well: the box as it should be; guardfs finds it by itself, or (classes that need a person) when a person says so.
well()
{
	box_kill
	cp "$WORK/sshd_config.good" "$WORK/box/sshd_config"
	cp "$WORK/box/user_key.pub" "$WORK/box/authorized_keys"
	box_restart
	ctl reconnect box >/dev/null
	wait_healthy
	wait_until 10000 backend_is box healthy
}

start_guardfs
wait_healthy
watch_connections

say "while all is well: nothing to find"
diagnosed
assert_eq "$(jq -r '.class + " " + ([.steps[] | select(.outcome == "failed")] | length | tostring)' "$WORK/diagnosis")" 'none 0' "diagnosis"

say "refused: nobody listens"
box_kill
wait_down
told refused connect 'SSH service runs'

say "auth_failed: our key is taken away"
well
: >"$WORK/box/authorized_keys"
box_cut
wait_down
told auth_failed key 'public key is installed'

say "host_key_changed"
well
box_kill
mkdir "$WORK/keys"
mv "$WORK/box"/host_key* "$WORK/keys"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/box/host_key"
box_restart
wait_down
told host_key_changed host_key 'known_hosts'
wait_value 5000 backend_field box detail == '*SHA256:*'
mv "$WORK/keys"/host_key* "$WORK/box"

say "path_missing: the remote directory is renamed away, under a connection that is as good as ever"
well
mv "$data/root" "$data/elsewhere"
wait_down
told path_missing path 'create the directory|correct the path'
mv "$data/elsewhere" "$data/root"

say "config: what is wrong with our own files is said, and not what ssh makes of it"
well
mv "$WORK/box/known_hosts" "$WORK/known_hosts.away"
box_cut
wait_down
told config config 'correct the configuration'
assert_match "$(backend_field box detail)" 'known_hosts .*: No such file' "detail in status"
mv "$WORK/known_hosts.away" "$WORK/box/known_hosts"

say "sftp_refused: the server has no SFTP"
well
sed -i '/^Subsystem/d' "$WORK/box/sshd_config"
box_kill
box_restart
wait_down
told sftp_refused sftp 'SFTP'

say "too_many_connections: others have taken what the server allows"
well
end_watch $((ours + 1)) # the mount's, and a diagnosis
sed -i 's/^MaxStartups.*/MaxStartups 1/' "$WORK/box/sshd_config"
# Ours must not come between: an outage that began well would be diagnosed as it began.
ctl hold box --for 10m --reason "no connection of ours"
box_kill
box_restart
# Somebody who has connected and never logs in.
until exec {others}<>/dev/tcp/127.0.0.1/2222 && read -r -t 2 -u "$others" greeting && [[ $greeting == SSH-* ]]; do
	exec {others}>&-
done
ctl resume box
wait_down
told too_many_connections greet 'connections'
exec {others}>&-
well

watch_connections
say "several ask at once: never more than one diagnosis"
box_freeze
wait_down
for i in 1 2 3 4 5 6; do
	ctl diagnose box --json >"$WORK/ask.$i" 2>&1 &
	asking[i]=$!
done
sleep 1 # sleep-ok: they are all under way
box_thaw
for i in 1 2 3 4 5 6; do
	rc=0
	wait "${asking[i]}" || rc=$?
	echo "$i: exit status $rc: $(head -c 100 "$WORK/ask.$i" | head -n 1)"
done
wait_healthy box 30000
end_watch $((ours + 1))
stop_guardfs

missing_sshfs()
{
	say "sshfs itself is gone: the server knows nothing of it, and the incident is about it all the same"
	cp "$(command -v sshfs)" "$WORK/sshfs"
	configure 4
	sed -i "/^type = sshfs/a sshfs_command = $WORK/sshfs" "$CONF"
	start_guardfs
	wait_healthy
	wait_until 10000 backend_is box healthy
	rm "$WORK/sshfs"
	box_cut
	wait_value 5000 backend_field box class == config
	assert_match "$(backend_field box detail)" 'sshfs: No such file.*is sshfs installed' "detail in status"
	wait_until 15000 diagnosed
	assert_exit 0 'The server is as it should be' ctl diagnose box
	wait_value 5000 incidents ".incidents[0].class" == config
	cp "$(command -v sshfs)" "$WORK/sshfs"
	ctl reconnect box >/dev/null
	wait_healthy
	assert_eq "$(ctl incidents --json | jq -r '.incidents[0].class')" config "class of the incident"
	stop_guardfs
}
[[ ${TYPE:-sshfs} != sshfs ]] || missing_sshfs

say "an account with a single connection: that is the mount's, and a diagnosis is refused while it lives"
configure 1
start_guardfs
wait_healthy
wait_until 10000 backend_is box healthy
watch_connections
assert_exit 1 'connections = 1' ctl diagnose box
epoch=$(backend_field box epoch)
box_cut
wait_value 15000 backend_field box epoch -gt "$epoch"
wait_healthy
wait_until 10000 backend_is box healthy
assert_exit 1 'connections = 1' ctl diagnose box
box_kill
wait_down
wait_until 30000 diagnosed
assert_eq "$(jq -r .class "$WORK/diagnosis")" refused "class of the diagnosis"
box_restart
wait_healthy
box_freeze
wait_down
box_thaw
wait_healthy box 30000
end_watch 1
