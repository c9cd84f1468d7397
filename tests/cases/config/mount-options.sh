# What mount(8) and fstab(5) say besides the configuration: mount -a finds its line mounted, and each generic option is honoured or
# refused by a clear word.
# limit: 90
# long: mounts and unmounts for each option
. "$REPO/tests/lib/lib.sh"

setup_dir "expose = $WORK/exposed"
mkdir "$WORK/exposed"
install_mount_helper
cp /bin/true "$LOCAL/program"
# Everybody can reach the mountpoint, so that mount(8) as another user comes as far as to us.
chmod 755 "$WORK"

# fstab OPTIONS: the only line.
fstab()
{
	echo "$CONF $MNT fuse.guardfs $1 0 0" >"$WORK/fstab"
}

ends()
{
	local pid

	pid=$(jq .processes.guardian "$RUN/status.json")
	umount "$MNT"
	wait_until 10000 is_gone "$pid"
}

flags()
{
	findmnt -n -o VFS-OPTIONS "$MNT"
}

say "mount -a, once and again; the mount is known by the first field of its line"
fstab defaults,_netdev,nofail,x-systemd.automount,X-mine=1
mount -T "$WORK/fstab" -a
mounted
mount -T "$WORK/fstab" -a
assert_eq "$(grep -c " $MNT .*fuse.guardfs" /proc/self/mountinfo)" 1 "mounts at the mountpoint"
assert_eq "$(findmnt -n -o SOURCE,FSTYPE "$MNT" | xargs)" "$CONF fuse.guardfs"
assert_eq "$(df --output=source "$MNT" | tail -n 1)" "$CONF" "df's source"
wait_healthy store
assert_match "$(flags)" nosuid.*nodev
"$MNT/program"
ends

say "dead, it is replaced"
mount -T "$WORK/fstab" "$MNT"
standby=$(sed 's/.*) . \([0-9]*\) .*/\1/' "/proc/$(jq .processes.guardian "$RUN/status.json")/stat")
assert_eq "$(cat "/proc/$standby/comm")" guardfs-standby
pids="$standby $(jq -r '.processes[]' "$RUN/status.json")"
kill -9 $pids
for pid in $pids; do
	wait_until 10000 is_gone "$pid"
done
"$GUARDFS" "$CONF" "$MNT"
assert_op OK 0 5000 stat "$MNT/program"
ends

say "ro: everything is EROFS, what is exposed too; remount,rw and back"
fstab ro,user,exec
mount -T "$WORK/fstab" -a
wait_healthy store
assert_match "$(flags)" '^ro,'
assert_op EROFS 0 1000 create "$MNT/new"
assert_op EROFS 0 1000 create "$COLD/new"
wait_until 5000 mountpoint -q "$WORK/exposed"
assert_op EROFS 0 1000 create "$WORK/exposed/new"
"$MNT/program"
mount -o remount,rw "$MNT"
assert_match "$(flags)" '^rw,'
assert_op OK 0 5000 create "$MNT/new"
assert_op OK 0 5000 create "$COLD/new"
hold writer append "$MNT/new"
assert_exit 1 "open for writing|busy" mount -o remount,ro "$MNT"
let_go writer
mount -T "$WORK/fstab" -o remount,ro,noexec "$MNT"
assert_match "$(flags)" '^ro,.*noexec'
assert_op EROFS 0 1000 create "$MNT/other"
assert_exit 126 "Permission denied" bash -c "'$MNT/program'"
mount -o remount,rw,exec,suid,dev "$MNT"
assert_eq "$(flags)" rw,relatime
assert_op OK 0 5000 stat "$MNT/program"
ends
assert_exit 1 "nothing to remount" "$GUARDFS" "$CONF" "$MNT" -o remount,ro

say "user entails noexec, nosuid, nodev; suid=yes is honoured (mount does not hand on suid, which is its default)"
fstab user
mount -T "$WORK/fstab" -a
assert_match "$(flags)" nosuid,nodev,noexec
assert_exit 126 "Permission denied" bash -c "'$MNT/program'"
mount -T "$WORK/fstab" -a
ends
fstab suid=yes,dev=yes,noatime
mount -T "$WORK/fstab" -a
assert_eq "$(flags)" rw,relatime
ends

say "but no user can mount: said clearly"
fstab user
cp "$WORK/fstab" "$WORK/etc-fstab"
mount --bind "$WORK/etc-fstab" /etc/fstab
assert_exit 1 "must be run as root.*options user, users" setpriv --reuid=65534 --regid=65534 --clear-groups mount "$MNT"
umount /etc/fstab
! mounted || fail "mounted by a user"

say "what it does not have is refused, and nothing is left"
for option in sync dirsync; do
	fstab $option
	assert_exit 2 "'$option'.*fsync" mount -T "$WORK/fstab" "$MNT"
done
assert_exit 2 "unknown mount option 'nosymfollow'" mount -t fuse.guardfs -o nosymfollow "$CONF" "$MNT"
! mounted || fail "mounted after a refusal"
assert_missing "$RUN/health"
umount "$(realpath /sbin)"
