# The OpenSSH client says why it does not get in: each reason is known, and told, and nothing is left of a try that failed.
# limit: 120
# long: ten reasons, each until a try has failed
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"

# The ssh processes with the token of a backend of this case.
clients_of_ours()
{
	local dir

	for dir in /proc/[0-9]*; do
		[[ $(cat "$dir/comm" 2>/dev/null) == ssh ]] || continue
		grep -qzF "GUARDFS_TRANSPORT=$RUN/" "$dir/environ" 2>/dev/null && echo "${dir#/proc/}"
	done
	return 0
}

# because CLASS REGEX COMMAND...: guardfs is started after the command, and does not get in, for that reason.
because()
{
	local class=$1 words=$2

	shift 2
	"$@"
	start_guardfs
	wait_value 15000 backend_field box class == "$class"
	wait_value 5000 backend_field box detail =~ "$words"
	assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/file"
	stop_guardfs
	wait_value 5000 clients_of_ours == ''
	cp "$WORK/good.conf" "$CONF"
}

# set_line REGEX LINE: instead of the line of the configuration that matches.
set_line()
{
	sed -i "s|^$1.*|$2|" "$CONF"
}

setup_one_box "ssh_options = LogLevel=INFO" "ssh_command = ssh" "ssh_config = /dev/null"
echo there >"$SERVER/file"
cp "$CONF" "$WORK/good.conf"
hosts=$WORK/box/known_hosts
cp "$hosts" "$WORK/good.hosts"

say "as it should be"
start_guardfs
wait_healthy
assert_content "$COLD/file" there
stop_guardfs

say "our key is not accepted"
because auth_failed 'Permission denied' eval ': >"$WORK/box/authorized_keys"'
cp "$WORK/box/user_key.pub" "$WORK/box/authorized_keys"

say "the host is unknown"
because host_key_changed 'host key is known for' eval ': >"$hosts"'

say "the host has another key"
because host_key_changed 'IDENTIFICATION HAS CHANGED' \
	eval 'echo "[127.0.0.1]:2222 $(cut -d" " -f1,2 "$WORK/box/user_key.pub")" >"$hosts"'
cp "$WORK/good.hosts" "$hosts"

say "nothing listens there"
because refused 'Connection refused' set_line 'port =' 'port = 2299'

say "there is no such host"
because name_resolution 'Could not resolve' set_line 'host =' 'host = no-such-host.invalid'

say "there is no such program"
because config 'cannot execute /nonexistent/ssh' set_line 'ssh_command =' 'ssh_command = /nonexistent/ssh'

say "there is no such option, and no such file"
because config 'Bad configuration option' set_line 'ssh_options =' 'ssh_options = ProxiJump=x'
because config "Can't open user config file" set_line 'ssh_config =' 'ssh_config = /nonexistent/config'

say "there is no SFTP"
sed -i 's/^Subsystem .*//' "$WORK/box/sshd_config"
box_kill
box_restart
because sftp_refused 'subsystem request failed' true
box_kill
box_start

say "options that are guardfs's are dropped, with a word in the log"
set_line 'ssh_options =' 'ssh_options = ControlMaster=auto,ControlPath=/run/mux,StrictHostKeyChecking=no'
start_guardfs
wait_healthy
wait_until 2000 grep -q 'ssh_options: ControlMaster=auto is set by guardfs, dropped' "$WORK/guardfs.log"
assert_missing /run/mux

say "a diagnosis beside the mount is refused; whether there is such a program is asked"
assert_exit 1 'ssh alone knows' ctl diagnose box
ctl doctor --json >"$WORK/doctor" || true
assert_match "$(jq -r '.. | objects | select(.id? == "ssh") | .found' "$WORK/doctor")" '^OpenSSH_'
