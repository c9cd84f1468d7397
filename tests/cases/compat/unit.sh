# HealthArchive's unit for its storage box, with nothing changed but the path of the program (host, port, key and mountpoint are each host's own;
# state and runtime directories are this case's): its ExecStart as documented (forking) and as its template has it (-f), its ExecStop.
# limit: 120
# long: two mounts, each with a broken connection under the deadlines of an installation
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"

box_start box
SERVER=$WORK/box/data
mkdir -p "$MNT" "$STATE/none" "$WORK/ssh"
# Primed once by hand, as its runbook says.
cp "$WORK/box/known_hosts" "$WORK/ssh/ssh_known_hosts"
mount --bind "$WORK/ssh" /etc/ssh
echo hello >"$SERVER/file"
seq 1 20000 >"$SERVER/numbers"
own=guard=mount.state_dir=$STATE,guard=mount.run_dir=$RUN,guard=mount.local=$STATE/none

# exec_start [-f]: the unit's line.
exec_start()
{
	"$BUILD/sshfs-guard" "$@" -p 2222 -o "IdentityFile=$WORK/box/user_key" -o allow_other,default_permissions -o uid=1000,gid=999,umask=0027 \
		-o reconnect,ServerAliveInterval=15,ServerAliveCountMax=3,kernel_cache -o "$own" "root@127.0.0.1:$SERVER" "$MNT" </dev/null
}

# The kernel checks permissions here: while the server is away, no path below the mount is walked.
status()
{
	jq -r "$1" "$RUN/status.json"
}

is_there()
{
	mountpoint -q "$MNT"
}

# As the crawler's user.
as_haadmin()
{
	setpriv --reuid 1000 --regid 999 --clear-groups "$@"
}

is_unmounted()
{
	! is_there && [[ ! -e $RUN/lock ]]
}

for type in forking simple; do
	say "$type: started"
	if [[ $type == forking ]]; then
		exec_start
	else
		exec_start -f >"$WORK/guardfs.log" 2>&1 &
		unit=$!
		wait_until 30000 is_there
	fi
	wait_healthy server
	assert_eq "$(findmnt -n -o FSTYPE "$MNT")" fuse.sshfs
	assert_eq "$(stat -c '%u %g %a' "$MNT/file")" '1000 999 750'
	assert_eq "$(as_haadmin cat "$MNT/file")" hello
	assert_fails setpriv --reuid 1001 --regid 1001 --clear-groups cat "$MNT/file"
	as_haadmin sh -c "echo new >'$MNT/new' && chmod 600 '$MNT/new' && mkdir '$MNT/dir'"
	assert_content "$SERVER/new" new

	say "$type: the connections break, and its worker dies: an open file goes on"
	hold reader read "$MNT/numbers"
	box_cut
	before=$(process_pid worker)
	kill -9 "$before"
	wait_until 40000 another_worker_serves "$before"
	assert_held OK 0 20000 reader read 1000
	let_go reader

	say "$type: stopped"
	fusermount3 -u "$MNT"
	wait_until 20000 is_unmounted
	[[ $type == forking ]] || wait "$unit" || fail "the unit would be failed: $?"
	rm -rf "$SERVER/new" "$SERVER/dir"
done

say "the server is away: it fails, so that systemd tries again"
box_kill
assert_exit 1 'there is no SSH service at that host and port' exec_start -f
assert_exit 1 'there is no SSH service at that host and port' exec_start
