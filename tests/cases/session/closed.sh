# A worker that finds guardfs not mounted: the bare mountpoint gives it EACCES (mode 0000), which a worker charges to its job. With
# closed = yes it gets ENOTCONN, however guardfs has ended and whoever asks, and nothing is written below; the next start opens it.
# limit: 90
# long: several starts and ends, by each way to end
. "$REPO/tests/lib/lib.sh"

chmod 755 "$WORK"
CALLER=(setpriv --reuid=65534 --regid=65534 --clear-groups)

begin()
{
	rm -rf "$STATE"
	setup_dir "expose = $WORK/exposed"
	[[ -z $1 ]] || sed -i "s/^name = test$/&\\n$1/" "$CONF"
	umount "$MNT" 2>/dev/null || true
	chmod 0 "$MNT"
	chmod 777 "$LOCAL" "$SERVER"
	start_guardfs
	wait_healthy store
	wait_until 5000 mountpoint -q "$WORK/exposed"
	echo hello >"$MNT/file"
	assert_content "$MNT/file" hello
}

# as_caller RESULT OPERATION PATH: by a user whom no mode hinders on the local tier.
as_caller()
{
	assert_eq "$("${CALLER[@]}" "$TOOLS/timed" "$2" "$3" | cut -d' ' -f1)" "$1" "$2 $3"
}

assert_closed()
{
	local path=$MNT/hc/20260101T000500Z__hc-20260101

	wait_value 5000 findmnt -n -o FSTYPE "$MNT" == fuse.guardfs-closed
	for operation in stat create mkdir; do
		as_caller ENOTCONN $operation "$path"
		as_caller ENOTCONN $operation "$MNT/file"
		assert_op ENOTCONN 0 1000 $operation "$MNT/new"
	done
	as_caller ENOTCONN stat "$MNT"
	assert_fails mountpoint -q "$MNT"
	assert_exit 75 '^.*infrastructure' "$GUARDCTL" -c "$CONF" classify --path "$path" --errno ENOTCONN
}

say "as it is otherwise"
mkdir "$WORK/exposed"
begin ''
stop_guardfs
as_caller EACCES stat "$MNT/hc/20260101T000500Z__hc-20260101"

for propagation in shared private; do
	mount --make-r$propagation /
	for how in term umount open killed; do
		say "$propagation, $how"
		begin 'closed = yes'
		pids=$(status '.processes[]')
		case $how in
		term)
			stop_guardfs
			;;
		umount)
			umount "$MNT"
			;;
		open)
			hold open append "$MNT/open"
			umount -l "$MNT"
			assert_closed
			assert_exit 2 unmounted "$GUARDCTL" -c "$CONF" health "$COLD/x"
			assert_exit 75 '^infrastructure unmounted' "$GUARDCTL" -c "$CONF" classify --path "$COLD/x" --errno EACCES
			assert_exit 75 '^infrastructure unmounted' "$GUARDCTL" -c "$CONF" classify --path "$MNT/x"
			assert_held OK 0 5000 open append words
			let_go open
			;;
		killed)
			kill -9 $pids
			;;
		esac
		GUARDIAN=0
		for pid in $pids; do
			wait_until 10000 is_gone "$pid"
		done
		[[ $how == killed ]] || assert_closed

		say "and the next start opens it"
		start_guardfs
		assert_content "$MNT/file" hello
		assert_eq "$(grep -c " $MNT " /proc/self/mountinfo)" 1 "mounts at the mountpoint"
		wait_until 5000 mountpoint -q "$WORK/exposed"
		stop_guardfs
		assert_closed
		umount "$MNT"
		chmod 755 "$MNT"
		assert_eq "$(ls -A "$MNT")" '' "what was written below"
	done
done
