# What a new user meets on the way: each thing that is wrong leads to a message that says what to do, and leaves nothing behind.
# limit: 120
# long: a login that has ten seconds, and a mount's own that fail
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/user.sh"

# says REGEX ARGUMENT...: it fails with that, and nothing is there afterwards.
says()
{
	local pattern=$1

	shift
	assert_exit 1 "$pattern" sshfs_guard "$@" </dev/null
	! ann_mounted || fail "mounted all the same: $*"
	wait_until 10000 ann_is_alone
}

user_begin

say "usage"
assert_exit 0 '-o idmap .*Without effect.* reconnect.*Refused:.*writeback_cache' sshfs_guard -h
assert_exit 0 'sshfs-guard [0-9.]+, for the options of sshfs 3.7.3' sshfs_guard -V
says 'expected \[user@\]host:\[dir\] and a mountpoint'
says 'expected a mountpoint behind server:' server:
says "'server': expected \[user@\]host:\[dir\]" server "$MNT"
says 'unknown option -o nosuch=1; sshfs-guard -h names all' server: "$MNT" -o nosuch=1
says 'unknown option -q' server: "$MNT" -q
says '-o passive is refused: a connection on standard input cannot be made anew' server: "$MNT" -o passive
says 'idmap=file: expected uidfile=FILE' server: "$MNT" -o idmap=file
says 'umask=9: expected a number \(octal\)' server: "$MNT" -o umask=9
says "unknown key 'nosuch'" server: "$MNT" -o guard=deadline.nosuch=1s

say "the mountpoint"
says 'nowhere: No such file or directory; make it: mkdir -p' server: "$ANN_HOME/nowhere"
says 'it is not a directory' server: "$ANN_HOME/.ssh/key"
says 'is not empty; choose another one, or give -o nonempty' server: "$ANN_HOME/.ssh"

say "the server"
says "there is no 'nodir' on server; make it there" server:nodir "$MNT"
says 'Connection refused.*there is no SSH service at that host and port: another port is given by -p' server: "$MNT" -p 2299
says 'the name of the host is not known' nosuch.invalid: "$MNT"
ssh-keygen -q -t ed25519 -N '' -f "$ANN_HOME/.ssh/other"
chown "$ANN:$ANN" "$ANN_HOME/.ssh/other"
says 'Permission denied.*the server lets nobody in with that password or key' root@127.0.0.1: "$MNT" -F /dev/null -p "$(cat "$WORK/box/port")" \
	-o "IdentityFile=$ANN_HOME/.ssh/other,IdentitiesOnly=yes,UserKnownHostsFile=$ANN_HOME/.ssh/known_hosts"
says "the server's host key is not known here.*Connect with ssh once" server: "$MNT" -o UserKnownHostsFile=/dev/null
says 'Bad configuration option.*ssh cannot use one of its options' server: "$MNT" -F "$ANN_HOME/.ssh/key"

say "the first login succeeds, and the mount's own do not"
cat >"$ANN_HOME/once" <<-END
	#!/bin/sh
	# The first connection that is asked for SFTP is made, and no other.
	case "\$*" in
	*" sftp") if ! mkdir "$ANN_HOME/asked" 2>/dev/null; then
		echo "root@127.0.0.1: Permission denied (publickey)." >&2
		exit 255
	fi ;;
	esac
	exec ssh "\$@"
END
chmod 0755 "$ANN_HOME/once"
says 'backend server does not answer yet.*nothing is mounted' server: "$MNT" -o "ssh_command=$ANN_HOME/once"
rmdir "$ANN_HOME/asked"
assert_exit 1 'Permission denied' ann "$GUARD_SSHFS" -f server: "$MNT" -o "ssh_command=$ANN_HOME/once" </dev/null
wait_until 10000 ann_is_alone

say "a login that does not end, where nobody can be asked"
printf '#!/bin/sh\ncase "$*" in *" sftp") exec sleep 1000 ;; esac\nexec ssh "$@"\n' >"$ANN_HOME/silent" # sleep-ok: what never answers
chmod 0755 "$ANN_HOME/silent"
assert_exit 1 'there is no terminal to ask on.*password_stdin.*ConnectTimeout' ann timeout 60 setsid -w "$GUARD_SSHFS" server: "$MNT" \
	-o "ssh_command=$ANN_HOME/silent,ConnectTimeout=1" </dev/null
wait_until 10000 ann_is_alone

say "the machine"
umount /dev/fuse
mount --bind "$WORK/passwd" /dev/fuse
chmod 0600 "$WORK/passwd"
says '/dev/fuse: Permission denied; it should be open to everybody' server: "$MNT"
chmod 0644 "$WORK/passwd"
umount /dev/fuse
mount --bind "$WORK/fuse" /dev/fuse

say "a mount that is there"
sshfs_guard server: "$MNT" -o "$GUARD_OPTIONS"
assert_exit 1 'is mounted already \(server:, fuse.sshfs\); unmount it first: fusermount3 -u' sshfs_guard server: "$MNT"
unmount_as_ann
