# root's line in fstab: mount(8) runs sshfs-guard through mount.fuse; it is found mounted, outlives its worker, and is unmounted by umount.
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"

command -v mount.fuse3 >/dev/null || skip "no mount.fuse3"
box_start box
SERVER=$WORK/box/data
mkdir -p "$MNT"
echo hello >"$SERVER/file"
# Where mount.fuse looks.
install_mount_helper
ln -s "$BUILD/sshfs-guard" /sbin/sshfs-guard
options=_netdev,nofail,x-systemd.automount,allow_other,default_permissions,reconnect,uid=0,gid=0,idmap=none,port=$(cat "$WORK/box/port")
options+=,IdentityFile=$WORK/box/user_key,UserKnownHostsFile=$WORK/box/known_hosts,guard=mount.state_dir=$STATE,guard=mount.run_dir=$RUN
options+=,guard=mount.local=$STATE/none
mkdir -p "$STATE/none"
echo "root@127.0.0.1: $MNT fuse.sshfs-guard $options 0 0" >"$WORK/fstab"

# is_unmounted_whole: and none of its processes is there.
is_unmounted_whole()
{
	! grep -q " $MNT " /proc/self/mountinfo && ! pgrep_by_config
}

pgrep_by_config()
{
	local file

	for file in /proc/[0-9]*/cmdline; do
		[[ $(tr '\0' ' ' 2>/dev/null <"$file") != *"guardfs -c $STATE/"* ]] || return 0
	done
	return 1
}

mount -T "$WORK/fstab" "$MNT"
assert_eq "$(findmnt -n -o SOURCE,FSTYPE "$MNT" | xargs)" 'root@127.0.0.1: fuse.sshfs'
assert_content "$MNT/file" hello
setpriv --reuid 65534 --regid 65534 --clear-groups cat "$MNT/file"
wait_healthy server
kill_worker
assert_content "$MNT/file" hello
chmod 0600 "$MNT/file"
assert_eq "$(stat -c %a "$SERVER/file")" 600
assert_fails setpriv --reuid 65534 --regid 65534 --clear-groups cat "$MNT/file"

say "mount -a finds it mounted"
mount -a -T "$WORK/fstab" -t fuse.sshfs-guard
assert_eq "$(grep -c " $MNT " /proc/self/mountinfo)" 1 "mounts at the mountpoint"

say "unmounted"
umount "$MNT"
wait_until 15000 is_unmounted_whole

say "read-only"
/sbin/sshfs-guard root@127.0.0.1: "$MNT" -o "ro,$options"
assert_op EROFS 0 1000 mkdir "$MNT/new"
umount "$MNT"
wait_until 15000 is_unmounted_whole
umount "$(realpath /sbin)"
