# box.sh: a storage box of one's own: an sshd for SFTP on the loopback, in a directory with its host key, user key and
# data. Used by the cases (lib.sh) and by scripts/quickstart. All functions take that directory.

# box_make_in DIR PORT [DATA [USER]]: DIR/{data,user_key,known_hosts,sshd_config}, for 127.0.0.1:PORT. USER (default
# root) is whom it serves; DATA (default DIR/data) is what SFTP sees as its home. Keys made before are kept.
box_make_in()
{
	local dir=$1 port=$2 data=${3:-$1/data} user=${4:-root} key

	mkdir -p "$dir" "$data"
	for key in host_key user_key; do
		[[ -f $dir/$key ]] || ssh-keygen -q -t ed25519 -N '' -C "guardfs $key" -f "$dir/$key"
	done
	cp "$dir/user_key.pub" "$dir/authorized_keys"
	chmod 644 "$dir/authorized_keys"
	echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/host_key.pub")" >"$dir/known_hosts"
	echo "$port" >"$dir/port"
	echo "$user" >"$dir/user"
	cat >"$dir/sshd_config" <<-END
		ListenAddress 127.0.0.1:$port
		HostKey $dir/host_key
		PidFile none
		AuthorizedKeysFile $dir/authorized_keys
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin prohibit-password
		UsePAM no
		StrictModes no
		MaxStartups 200
		MaxSessions 200
		AllowUsers $user
		AllowTcpForwarding no
		# A shell that sshd starts reads .bashrc, unless it believes to be the second one. That may take longer than a login is given.
		SetEnv SHLVL=1
		Subsystem sftp internal-sftp -d $data
	END
}

# Starts it and waits until it listens. Returns 1, with its last words on standard output, if it does not.
box_run_in()
{
	local dir=$1 tries

	mkdir -p /run/sshd # gone after a reboot, which a box may outlive
	/usr/sbin/sshd -D -e -f "$dir/sshd_config" </dev/null >>"$dir/sshd.log" 2>&1 &
	echo $! >"$dir/sshd.pid"
	disown $!
	for ((tries = 0; tries < 200; tries++)); do
		box_listens_in "$dir" && return 0
		kill -0 "$(cat "$dir/sshd.pid")" 2>/dev/null || break
		sleep 0.025 # sleep-ok: polling
	done
	tail -n 3 "$dir/sshd.log"
	return 1
}

# Without connecting: whoever counts connections counts guardfs's alone.
box_listens_in()
{
	grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$(cat "$1/port")") [0-9A-F]+:0000 0A " /proc/net/tcp /proc/net/tcp6
}

# The listener's pid, if it runs and is this box's (a pid file may outlive a reboot).
box_listener_in()
{
	local pid

	pid=$(cat "$1/sshd.pid" 2>/dev/null) && [[ -n $pid ]] || return 1
	tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$1/sshd_config" || return 1
	echo "$pid"
}

# All processes below a process.
descendants_of()
{
	local child

	for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		echo "$child"
		descendants_of "$child"
	done
}

box_pids_in()
{
	local pid

	pid=$(box_listener_in "$1") || return 0
	echo "$pid"
	descendants_of "$pid"
}

# The whole server stops: no connection is accepted, none answers, none is closed.
box_freeze_in()
{
	local dir=$1 before='' after=none

	touch "$dir/frozen"
	# A session may start while we look: go on until nothing new is seen.
	until [[ $after == "$before" ]]; do
		before=$(box_pids_in "$dir")
		[[ -z $before ]] || kill -STOP $before 2>/dev/null || true
		after=$(box_pids_in "$dir")
	done
}

box_thaw_in()
{
	[[ -f $1/frozen ]] || return 0
	rm -f "$1/frozen"
	kill -CONT $(box_pids_in "$1") 2>/dev/null || true
}

# Connections break at once and new ones are refused. Stopped first: a session that the listener begins while we look would
# live on, and keep the port.
box_kill_in()
{
	local pids tries

	[[ -d $1 ]] || return 0 # never made
	box_freeze_in "$1"
	pids=$(box_pids_in "$1")
	[[ -z $pids ]] || kill -KILL $pids 2>/dev/null || true
	for ((tries = 0; tries < 200; tries++)); do
		box_listens_in "$1" || break
		sleep 0.025 # sleep-ok: polling
	done
	rm -f "$1/sshd.pid" "$1/frozen"
}

# Only the connections break; the listener stays.
box_cut_in()
{
	local pids frozen=0

	[[ ! -f $1/frozen ]] || frozen=1
	box_freeze_in "$1"
	pids=$(descendants_of "$(box_listener_in "$1")")
	[[ -z $pids ]] || kill -KILL $pids 2>/dev/null || true
	((frozen)) || box_thaw_in "$1"
}
