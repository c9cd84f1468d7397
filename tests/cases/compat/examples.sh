# Each way to call sshfs that its manual page shows or explains, as it stands there: mounted, read, and unmounted as that page says. Whoever
# has a link named sshfs to the drop-in types nothing else than before.
# limit: 400
# long: a mount for each of them
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/user.sh"

user_begin
echo hello >"$SERVER/file"
mkdir -p "$SERVER/dir/sub" "$WORK/bin"
echo deep >"$SERVER/dir/deep"
ln -s ../file "$SERVER/dir/link"
ln -s "$BUILD/sshfs-guard" "$WORK/bin/sshfs"
port=$(cat "$WORK/box/port")
printf 'Host other\n  HostName 127.0.0.1\n  Port %s\n  User root\n  IdentityFile %s\n  UserKnownHostsFile %s\n' "$port" "$ANN_HOME/.ssh/key" \
	"$ANN_HOME/.ssh/known_hosts" >"$ANN_HOME/other"
# This account's, but for the guard options that make outages short.
login="IdentityFile=$ANN_HOME/.ssh/key,UserKnownHostsFile=$ANN_HOME/.ssh/known_hosts"

# works FILE WORDS ARGUMENT...: typed as sshfs, from the home; FILE then holds WORDS.
works()
{
	local file=$1 words=$2

	shift 2
	say "sshfs $*"
	(cd "$ANN_HOME" && ann env PATH="$WORK/bin:$PATH" sshfs "$@")
	assert_eq "$(ann cat "$MNT/$file")" "$words"
	assert_eq "$(findmnt -n -o FSTYPE "$MNT")" fuse.sshfs
	unmount_as_ann
}

works file hello server: mnt
works deep deep server:dir mnt
works deep deep "server:$SERVER/dir" "$MNT"
works file hello root@127.0.0.1: mnt -p "$port" -o "$login"
works file hello server:"$SERVER" mnt -o reconnect,no_readahead,sync_readdir,idmap=none,ssh_protocol=2,no_check_root,max_conns=2,ServerAliveInterval=15 \
	-o dir_cache=yes,dcache_max_size=100,dcache_timeout=5,dcache_stat_timeout=5,dcache_link_timeout=5,dcache_dir_timeout=5 \
	-o dcache_clean_interval=5,dcache_min_clean_interval=1
works file hello server:"$SERVER" mnt -o sshfs_sync,idmap=user,dir_cache=no,disable_hardlink,transform_symlinks,compression=yes \
	-o workaround=none -o workaround=all -o workaround=rename:norename -o workaround=renamexdev,workaround=truncate -o workaround=fstat -o workaround=createmode
works file hello server: mnt -o "ssh_command=ssh -o LogLevel=ERROR,sftp_server=sftp"
# That program begins in the home, not where the box does.
works file hello server:"$SERVER" mnt -o "ssh_command=ssh,sftp_server=$(ls /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server 2>/dev/null | head -n 1 || true)"
works file hello -C -s server: mnt
works file hello -F other other: mnt
works file hello -o port="$port" -o "$login" root@127.0.0.1: mnt

say "delay_connect, and -f until it is unmounted"
ann "$GUARD_SSHFS" -f -o "delay_connect,$GUARD_OPTIONS" server: "$MNT" </dev/null >"$WORK/guardfs.log" 2>&1 &
foreground=$!
wait_until 20000 ann_mounted
wait_healthy server
assert_eq "$(ann cat "$MNT/file")" hello
ann fusermount3 -u "$MNT"
wait "$foreground"
wait_until 15000 ann_is_alone

say "by a program that has closed its standard input and output"
sshfs_guard server: "$MNT" -o "$GUARD_OPTIONS" <&- >&- 2>&-
wait_until 10000 ann_mounted
assert_eq "$(ann cat "$MNT/file")" hello
unmount_as_ann
