# What sshfs's own tests look at, on one mount of an ordinary user and with sshfs's options for caches: names, data, attributes, links and
# times, each seen on the server as well.
# limit: 120
# long: two mounts, and names that are kept for a second
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/user.sh"

user_begin
# The server's account is root, so what she makes belongs to root there; seen here it is hers.
chmod 0777 "$SERVER"
for options in dir_cache=no,sync_readdir,max_conns=3 dcache_timeout=1,dir_cache=yes,entry_timeout=0,attr_timeout=0,max_conns=1,idmap=user; do
	say "$options"
	sshfs_guard server: "$MNT" -o "$options,$GUARD_OPTIONS"
	wait_healthy server
	ann python3 "$REPO/tests/lib/compat_checks.py" "$SERVER" "$MNT" $([[ $options != dir_cache=no* ]] || echo uncached)
	unmount_as_ann
done
