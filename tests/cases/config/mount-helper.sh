# mount(8): guardfs CONFIG MOUNTPOINT -o OPTIONS, mount.fuse.guardfs, a line of fstab; exit status 0 only when it serves.
. "$REPO/tests/lib/lib.sh"

conf_begin
mkdir "$WORK/elsewhere" "$WORK/sbin"

# ends MOUNTPOINT: and what is shown outside was there the moment the start had returned.
ends()
{
	local pid

	[[ -S $RUN/control.sock ]] || fail "started, but nobody listens at the control socket"
	pid=$(jq .processes.guardian "$RUN/status.json")
	umount "$1"
	wait_until 10000 is_gone "$pid"
	! mounted "$1" || fail "still mounted"
}

say "guardfs CONFIG MOUNTPOINT -o OPTIONS"
"$GUARDFS" "$CONF" "$WORK/elsewhere" -o rw,noatime,x-something=1,_netdev
mounted "$WORK/elsewhere" || fail "exit status 0, but not mounted"
echo hello >"$WORK/elsewhere/file"
assert_content "$LOCAL/file" hello
ends "$WORK/elsewhere"

say "guardfs -c FILE, in the background; it keeps nothing of its caller"
out=$("$GUARDFS" -c "$CONF" 2>&1)
mounted || fail "exit status 0, but not mounted"
assert_content "$MNT/file" hello
ends "$MNT"

say "the start returns when there is something to see, however busy the machine"
for ((i = 0; i < 8; i++)); do
	yes >/dev/null &
	busy[i]=$!
done
for ((i = 0; i < 5; i++)); do
	"$GUARDFS" -c "$CONF"
	assert_exit 0 '^ok' "$GUARDCTL" -c "$CONF" health
	ends "$MNT"
done
kill "${busy[@]}"

say "mount -t fuse.guardfs, as from fstab"
install_mount_helper
mount -t fuse.guardfs "$CONF" "$MNT" -o noatime
mounted || fail "mount(8) succeeded, but nothing is mounted"
assert_content "$MNT/file" hello
ends "$MNT"
echo "$CONF $MNT fuse.guardfs defaults,_netdev,nofail 0 0" >"$WORK/fstab"
mount -T "$WORK/fstab" "$MNT"
assert_content "$MNT/file" hello
ends "$MNT"

say "options that mean nothing are refused"
assert_fails "$GUARDFS" "$CONF" "$MNT" -o nonsense=1
! mounted || fail "mounted after a refusal"
umount "$(realpath /sbin)"
