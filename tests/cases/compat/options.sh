# What sshfs's options do, on the mounts of an ordinary user.
# limit: 120
# long: a mount for each group of options
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/user.sh"

# mount_with OPTIONS [ARGUMENT...]
mount_with()
{
	sshfs_guard "server:${DIRECTORY:-}" "$MNT" -o "$1,$GUARD_OPTIONS" "${@:2}"
	wait_healthy server
}

# number_of_ssh: processes of hers that are ssh.
number_of_ssh()
{
	local pid n=0

	for pid in $(ann_processes); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != ssh ]] || n=$((n + 1))
	done
	echo "$n"
}

# all_are_killed: and none is there any more.
all_are_killed()
{
	kill -9 $(ann_processes) 2>/dev/null || true
	ann_is_alone
}

user_begin
echo hello >"$SERVER/file"
mkdir -p "$SERVER/dir/sub"
ln -s "$SERVER/file" "$SERVER/dir/absolute"
ln -s ../file "$SERVER/dir/up"
chmod 0640 "$SERVER/file"

say "owners and modes: shown as hers, and changed on the server all the same"
mount_with idmap=user,max_conns=1
assert_eq "$(ann stat -c '%u %g %a' "$MNT/file")" "$ANN $ANN 640"
ann chmod 0600 "$MNT/file"
assert_eq "$(stat -c '%u %a' "$SERVER/file")" "0 600"
# access(2) knows what execve(2) would say.
assert_fails ann test -x "$MNT/file"
ann chmod 0700 "$MNT/file"
ann test -x "$MNT/file" || fail "a program may not be executed"
ann chmod 0600 "$MNT/file"
assert_fails ann test -x "$MNT/file"
assert_fails ann "$MNT/file"
ann test -x "$MNT/dir" || fail "a directory may not be entered"
ann test -r "$MNT/file" -a -w "$MNT/file" || fail "a file may not be used"
assert_eq "$(number_of_ssh)" 1 "connections"
assert_eq "$(ann readlink "$MNT/dir/absolute")" "$SERVER/file"
unmount_as_ann
mount_with uid=7,gid=8,umask=022,default_permissions
assert_eq "$(ann stat -c '%u %g %a' "$MNT/file")" "7 8 755"
assert_fails ann touch "$MNT/dir/new"
unmount_as_ann

say "links"
DIRECTORY=$SERVER mount_with transform_symlinks
assert_eq "$(ann readlink "$MNT/dir/absolute")" ../file
assert_eq "$(ann readlink "$MNT/dir/up")" ../file
assert_eq "$(ann cat "$MNT/dir/absolute")" hello
unmount_as_ann
mount_with contain_symlinks
assert_fails ann readlink "$MNT/dir/absolute"
unmount_as_ann

say "read-only, over a directory that is not empty"
ann touch "$MNT/hidden"
mount_with ro,nonempty
assert_op EROFS 0 2000 mkdir "$MNT/new"
assert_eq "$(ann ls "$MNT" | xargs)" 'dir file'
unmount_as_ann
ann rm "$MNT/hidden"

say "other users, where fuse.conf allows it"
echo user_allow_other >"$WORK/fuse.conf"
mount --bind "$WORK/fuse.conf" /etc/fuse.conf
mount_with allow_other
assert_content "$MNT/file" hello
unmount_as_ann
echo >"$WORK/fuse.conf"
assert_exit 1 "option allow_other only allowed if 'user_allow_other' is set" sshfs_guard server: "$MNT" -o allow_other
umount /etc/fuse.conf
wait_until 10000 ann_is_alone

say "without a session's directory"
ann env -u XDG_RUNTIME_DIR "$GUARD_SSHFS" server: "$MNT" -o "$GUARD_OPTIONS"
assert_match "$(ann env -u XDG_RUNTIME_DIR "$GUARDCTL" -m "$MNT" health)" '^(ok|degraded) '
unmount_as_ann

say "all of it is killed at once: the same command mounts again"
mount_with reconnect
wait_until 10000 all_are_killed
assert_op ENOTCONN 0 2000 stat "$MNT/file"
# Also where it is typed in another way.
ln -s . "$ANN_HOME/link"
sshfs_guard server: "$ANN_HOME/link/mnt/" -o "reconnect,$GUARD_OPTIONS"
wait_healthy server
assert_eq "$(ls "$ANN_HOME/run/guardfs" | wc -l)" 1 "names of the mount"
assert_eq "$(ann cat "$MNT/file")" hello
assert_eq "$(grep -c " $MNT " /proc/self/mountinfo)" 1 "mounts at the mountpoint"
unmount_as_ann

say "the server is not there yet"
box_kill
sshfs_guard server: "$MNT" -o "delay_connect,$GUARD_OPTIONS"
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$MNT/file"
box_restart
wait_healthy server 30000
assert_eq "$(ann cat "$MNT/file")" hello
unmount_as_ann

say "the directory is not there yet, and is not to be looked for"
assert_exit 1 "there is no 'later' on server" sshfs_guard server:later "$MNT" -o "$GUARD_OPTIONS"
sshfs_guard server:later "$MNT" -o "no_check_root,$GUARD_OPTIONS"
ann_mounted || fail "not mounted"
mkdir "$SERVER/later"
echo new >"$SERVER/later/file"
wait_healthy server 30000
assert_eq "$(ann cat "$MNT/file")" new
unmount_as_ann

say "in the foreground: it ends with the mount"
ann "$GUARD_SSHFS" server: "$MNT" -f -o "$GUARD_OPTIONS" </dev/null >"$WORK/guardfs.log" 2>&1 &
foreground=$!
wait_until 20000 ann_mounted
wait_healthy server
ann fusermount3 -u "$MNT"
rc=0
wait "$foreground" || rc=$?
assert_eq "$rc" 0 "exit status"
wait_until 15000 ann_is_alone
