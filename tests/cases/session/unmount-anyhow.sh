# umount(8) by hand ends guardfs, whether mounts propagate (a systemd host) or not (containers, chroots), whether a backend is exposed
# or not, lazily too. As long as something else still uses it, that is served, and health does not say ok over a bare directory.
# limit: 120
# long: a start and an end for each way to unmount in each kind of mount namespace
. "$REPO/tests/lib/lib.sh"

# begin PROPAGATION EXPOSED: a backend's directory is exposed, or not.
begin()
{
	mount --make-r"$1" /
	rm -rf "$STATE"
	setup_dir ${2:+"expose = $2"}
	start_guardfs
	wait_healthy store
	[[ -z $2 ]] || wait_until 5000 mountpoint -q "$2"
	guardian=$GUARDIAN others="$(process_pid worker) $(process_pid keeper)"
	wait_value 5000 cat "$RUN/health" == 'ok*'
}

assert_over()
{
	local pid

	GUARDIAN=0
	for pid in $guardian $others; do
		wait_until 10000 is_gone "$pid"
	done
	! mounted || fail "still mounted"
	! mountpoint -q "$WORK/exposed" || fail "what was exposed is still mounted"
	assert_missing "$RUN/health"
	! grep "$WORK.*fuse.guardfs" /proc/self/mountinfo || fail "something is still mounted"
}

assert_unmounted_but_served()
{
	wait_until 5000 grep -q '^down unmounted ' "$RUN/health"
	assert_exit 2 "unmounted" "$GUARDCTL" -c "$CONF" health
	assert_match "$(ctl status)" 'advice: guardfs ends by itself'
	[[ -d /proc/$guardian ]] || fail "guardfs has ended, with users left"
	wait_until 5000 not mountpoint -q "$WORK/exposed"
}

mkdir "$WORK/exposed"
for propagation in shared private; do
	for exposed in '' "$WORK/exposed"; do
		for how in '' -l; do
			say "$propagation, ${exposed:+exposed, }umount $how"
			begin $propagation "$exposed"
			umount $how "$MNT"
			assert_over
		done

		say "$propagation, ${exposed:+exposed, }a file is open"
		begin $propagation "$exposed"
		hold open append "$MNT/open"
		umount -l "$MNT"
		assert_unmounted_but_served
		assert_held OK 0 5000 open append words
		assert_content "$LOCAL/open" words
		let_go open
		rm "$LOCAL/open"
		assert_over

		say "$propagation, ${exposed:+exposed, }a container has it"
		begin $propagation "$exposed"
		unshare --mount --propagation private sleep 100 & # sleep-ok: it only has to live
		container=$!
		wait_value 5000 readlink /proc/$container/ns/mnt != "$(readlink /proc/self/ns/mnt | sed 's/[][]/\\&/g')"
		wait_value 5000 cat /proc/$container/comm == sleep
		umount "$MNT"
		assert_unmounted_but_served
		echo here >"/proc/$container/root$MNT/inside"
		assert_content "$LOCAL/inside" here
		kill $container
		wait $container || true
		rm "$LOCAL/inside"
		assert_over
	done
done

say "somebody mounts it again meanwhile"
begin private "$WORK/exposed"
mkdir "$WORK/elsewhere"
mount --bind "$MNT" "$WORK/elsewhere"
umount "$MNT"
assert_unmounted_but_served
mount --bind "$WORK/elsewhere" "$MNT"
wait_until 5000 grep -q '^ok ' "$RUN/health"
wait_until 5000 mountpoint -q "$WORK/exposed"
umount "$WORK/elsewhere"
stop_guardfs

say "what somebody else has mounted in its place stays when guardfs ends"
begin private ''
mount --bind "$MNT" "$WORK/elsewhere"
umount "$MNT"
assert_unmounted_but_served
mount -t tmpfs theirs "$MNT"
kill -TERM "$guardian"
wait_until 10000 is_gone "$guardian"
GUARDIAN=0
assert_eq "$(findmnt -n -o SOURCE "$MNT")" theirs
umount "$MNT" "$WORK/elsewhere"
