# Ways to a server that the OpenSSH client alone knows: its configuration, a jump host, an agent, a certificate.
# limit: 120
# long: a mount for each of the ways, and two outages
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"

# serves LINE...: the box by these lines of its section.
serves()
{
	conf_begin
	conf 'backend box' 'type = sftp' 'stream = openssh' "alias = $WORK/cold/box" "$@"
	conf_tier box/jobs/cold cold
	start_guardfs
	wait_healthy
	assert_content "$COLD/file" there
	echo "by $*" >"$COLD/written"
	assert_content "$SERVER/written" "by $*"
}

# All below the transport, and the transport.
family()
{
	local pid

	pid=$(sshfs_pid)
	echo "$pid"
	descendants_of "$pid"
}

# What the mount has started is gone with it.
ends()
{
	members=($(family))
	stop_guardfs
	wait_until 5000 are_gone "${members[@]}"
}

box_start box
box_start jump 2223
sed -i 's/^AllowTcpForwarding no/AllowTcpForwarding yes/' "$WORK/jump/sshd_config"
box_kill jump
box_restart jump
mkdir -p "$WORK/box/data/jobs/cold"
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
echo there >"$SERVER/file"
cat >"$WORK/ssh_config" <<-END
	Host storage
		HostName 127.0.0.1
		Port 2222
		User root
		IdentityFile $WORK/box/user_key
		UserKnownHostsFile $WORK/box/known_hosts
		LocalForward 3000 127.0.0.1:1
		RemoteCommand true
		ForwardAgent yes
		ControlMaster auto
		ControlPath $WORK/mux
	Host jump
		HostName 127.0.0.1
		Port 2223
		User root
		IdentityFile $WORK/jump/user_key
		UserKnownHostsFile $WORK/jump/known_hosts
END

say "an alias, of which the configuration knows the rest; what would be in the way there is overruled"
serves 'host = storage' "ssh_config = $WORK/ssh_config"
assert_missing "$WORK/mux"
ends

say "a jump host"
serves 'host = storage' "ssh_config = $WORK/ssh_config" 'ssh_options = ProxyJump=jump'
members=($(family))
assert_eq "${#members[@]}" 5 "a transport, two clients, and an ssh to the jump host for each"
epoch=$(backend_field box epoch)

say "the jump host goes, and comes back: of the epoch before there is nothing"
hold log append "$COLD/log"
assert_held OK 0 2000 log append before,
box_kill jump
wait_down
wait_until 10000 are_gone "${members[@]}"
wait_value 10000 backend_field box class == refused
box_restart jump
wait_value 15000 backend_field box epoch -gt "$epoch"
wait_healthy
assert_held OK 0 10000 log append after
let_go log
assert_content "$SERVER/log" before,after

say "the jump host is silent"
members=($(family)) epoch=$(backend_field box epoch)
box_freeze jump
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/another"
wait_until 15000 are_gone "${members[@]}"
box_thaw jump
wait_value 15000 backend_field box epoch -gt "$epoch"
wait_healthy

say "a master of the jump host's connections, in the background, is of the epoch, too"
ends
cp "$WORK/ssh_config" "$WORK/plain_config"
cat >>"$WORK/ssh_config" <<-END
		ControlMaster auto
		ControlPath $WORK/mux
		ControlPersist yes
END
start_guardfs
wait_healthy
[[ $(ssh -F "$WORK/ssh_config" -O check jump 2>&1) =~ pid=([0-9]+) ]] || fail "there is no master"
master=${BASH_REMATCH[1]} pid=$(sshfs_pid) epoch=$(backend_field box epoch)
grep -qx "$master" <<<"$(descendants_of "$pid")" && fail "the master is none that went to the background"
kill -9 "$pid"
wait_value 15000 backend_field box epoch -gt "$epoch"
wait_healthy
wait_until 5000 is_gone "$master"
[[ $(ssh -F "$WORK/ssh_config" -O check jump 2>&1) =~ pid=([0-9]+) ]] || fail "there is no other master"
stop_guardfs
wait_until 5000 is_gone "${BASH_REMATCH[1]}"
mv "$WORK/plain_config" "$WORK/ssh_config"

say "the jump host forwards nothing"
sed -i 's/^AllowTcpForwarding yes/AllowTcpForwarding no/' "$WORK/jump/sshd_config"
box_kill jump
box_restart jump
start_guardfs
wait_value 15000 backend_field box class == config
wait_value 5000 backend_field box detail =~ 'administratively prohibited'
stop_guardfs

say "an agent"
eval "$(ssh-agent -s -a "$WORK/agent")" >/dev/null
echo "$SSH_AGENT_PID" >"$WORK/agent.pid"
ssh-add -q "$WORK/box/user_key"
unset SSH_AUTH_SOCK
mv "$WORK/box/user_key" "$WORK/box/hidden_key"
serves 'host = 127.0.0.1' 'port = 2222' 'user = root' "known_hosts = $WORK/box/known_hosts" "ssh_options = IdentityAgent=$WORK/agent" \
	'ssh_config = /dev/null'
ends
export SSH_AUTH_SOCK=$WORK/agent
serves 'host = 127.0.0.1' 'port = 2222' 'user = root' "known_hosts = $WORK/box/known_hosts" 'ssh_config = /dev/null'
ends
unset SSH_AUTH_SOCK
mv "$WORK/box/hidden_key" "$WORK/box/user_key"

say "a certificate, without which the key is worth nothing"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/authority"
ssh-keygen -q -s "$WORK/authority" -I guardfs -n root "$WORK/box/user_key.pub"
: >"$WORK/box/authorized_keys"
echo "TrustedUserCAKeys $WORK/authority.pub" >>"$WORK/box/sshd_config"
box_kill
box_restart
serves 'host = 127.0.0.1' 'port = 2222' 'user = root' "known_hosts = $WORK/box/known_hosts" "identity = $WORK/box/user_key" \
	"ssh_options = CertificateFile=$WORK/box/user_key-cert.pub" 'ssh_config = /dev/null'
ends
