# Failure mode 6: a replay container, started without rshared, kept dead mounts until somebody restarted it; one that was started before
# the mount kept the root disk's directory below it. guardfs: a container that has the mount keeps it, whatever its propagation, over
# outages, the worker's death and an upgrade; one that was started too early finds nothing that it could mistake for the archive.
# limit: 120
# long: two arrangements, a handful of containers in each, an outage, a death and an upgrade
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"
. "$REPO/tests/cases/replay/crawl.bash"

# container NAME private|slave|shared DIRECTORY: as docker -v DIRECTORY:/warcs:PROPAGATION does it: a mount namespace and,
# on a private mount of the container's own, a bind that is a private copy, hears of the host's mounts, or shares them.
mkdir "$WORK/root"
mount -t tmpfs root "$WORK/root"
mount --make-private "$WORK/root"
WARCS=$WORK/root/warcs
mkdir "$WARCS"
container()
{
	local name=$1 propagation=$2 directory=$3

	mkfifo "$WORK/$name.end"
	unshare --mount --propagation unchanged bash -c '
		exec 3<>"$1.end"
		mount --rbind "$3" "$4" && mount --make-r"$2" "$4" || exit
		echo up >"$1.up"
		read -r _ <&3' - "$WORK/$name" "$propagation" "$directory" "$WARCS" &
	echo $! >"$WORK/$name.pid"
	wait_until 5000 test -s "$WORK/$name.up"
}

# end_container NAME: it ends, with all that runs in it.
end_container()
{
	local pid

	pid=$(cat "$WORK/$1.pid")
	rm "$WORK/$1.pid"
	echo end >"$WORK/$1.end"
	wait "$pid" || true
}

# within NAME COMMAND...: in that container.
within()
{
	local name=$1

	shift
	nsenter --target "$(cat "$WORK/$name.pid")" --mount -- "$@"
}

# sees NAME [DIRECTORY]: what a container finds in the file of the archive: its content, or what is said instead.
sees()
{
	within "$1" cat "$WARCS/${2:-cold}/file" 2>&1 | sed 's/.*: //'
}
assert_all_see()
{
	local name

	for name in "${containers[@]}"; do
		assert_eq "$(sees "$name")" "$1" "what the container $name sees"
	done
}

MNT=$WORK/srv/jobs
mkdir "$WORK/bin"
cp "$GUARDFS" "$WORK/bin/guardfs"
GUARDFS=$WORK/bin/guardfs
setup_one_box
echo hello >"$SERVER/file"

say "the old set-up: sshfs dies, is mounted again, and all is bound again; a container without rshared keeps what is dead"
old_mount
mkdir -p "$OLD_JOBS/cold"
mount --bind "$OLD_BASE/jobs/cold" "$OLD_JOBS/cold"
container old-private private "$OLD_JOBS"
containers=(old-private)
assert_all_see hello
old_kill
umount "$OLD_JOBS/cold"
old_unmount
old_mount
mount --bind "$OLD_BASE/jobs/cold" "$OLD_JOBS/cold"
assert_content "$OLD_JOBS/cold/file" hello
assert_all_see 'Transport endpoint is not connected'
end_container old-private

say "the old set-up: a container that is started before anything is mounted has a directory of the root disk"
old_end
container old-early private "$OLD_JOBS"
old_mount
mount --bind "$OLD_BASE/jobs/cold" "$OLD_JOBS/cold"
assert_content "$OLD_JOBS/cold/file" hello
within old-early sh -c "echo lost >$WARCS/cold/warc"
assert_missing "$SERVER/warc"
assert_content "$OLD_JOBS/cold/file" hello
umount "$OLD_JOBS/cold"
assert_content "$OLD_JOBS/cold/warc" lost
end_container old-early
old_end

say "guardfs: containers started before it, on the mountpoint as migrate-from-binds makes it: immutable, mode 0000"
mkdir -p "$MNT"
chmod 0000 "$MNT"
immutable=yes
chattr +i "$MNT" || immutable=no # not every file system can; then it is the mode alone, which does not stop root
trap 'rc=$?; set +e; [[ $GUARDIAN == 0 ]] || umount -l "$MNT"; chattr -i "$MNT"; (exit $rc); at_exit' EXIT
for propagation in private slave shared; do
	container "early-$propagation" $propagation "$MNT"
done
start_guardfs
wait_healthy
say "private: not even root can write below it, or find anything; with rshared or rslave it is the archive"
assert_eq "$(sees early-private)" 'No such file or directory' "what the early container sees"
if [[ $immutable == yes ]]; then
	assert_exit 1 'Operation not permitted' within early-private mkdir -p "$WARCS/cold/job"
	assert_exit 1 'Operation not permitted' within early-private touch "$WARCS/lost"
fi
assert_exit 1 'Permission denied' within early-private setpriv --reuid=110 --regid=999 --clear-groups cat "$WARCS/cold/file"
containers=(early-slave early-shared)
assert_all_see hello
end_container early-private

say "containers started after it, a crawl with open files in each; storage goes and comes"
for propagation in private slave shared; do
	container $propagation $propagation "$MNT"
	containers+=($propagation)
	mkdir "$COLD/$propagation"
done
assert_all_see hello
for name in "${containers[@]}"; do
	crawl "crawl-$name" "$WARCS/cold/$name" nsenter --target "$(cat "$WORK/$name.pid")" --mount --
done
# Everything goes on: paths, open files, working directories, in each container and on the host.
assert_go_on()
{
	local name

	wait_healthy
	assert_content "$COLD/file" hello
	assert_all_see hello
	for name in "${containers[@]}"; do
		assert_held OK 0 10000 "crawl-$name" log 3
		assert_held OK 0 10000 "crawl-$name" warc 3
		assert_held OK 0 10000 "crawl-$name" sync
		assert_held OK 0 10000 "crawl-$name" state
		assert_acknowledged "crawl-$name" "$SERVER/$name"
	done
}
assert_go_on
mounts=$(for name in "${containers[@]}"; do within "$name" findmnt -n -o ID,TARGET,SOURCE,FSTYPE -T "$WARCS/cold"; done)
assert_eq "$(grep -c 'warcs *guardfs:test *fuse.guardfs$' <<<"$mounts")" ${#containers[@]} "containers with the mount"

box_kill
wait_down
wait_until 3000 assert_all_see 'Input/output error'
box_restart
assert_go_on

say "the worker is killed"
kill -KILL "$(process_pid worker)"
assert_go_on

say "an upgrade: another program file, SIGUSR2"
old=$(process_pid worker)
cp "$BUILD/guardfs" "$WORK/bin/new"
mv "$WORK/bin/new" "$WORK/bin/guardfs"
kill -USR2 "$GUARDIAN"
wait_value 10000 process_pid worker != "$old"
assert_go_on
assert_eq "$(for name in "${containers[@]}"; do within "$name" findmnt -n -o ID,TARGET,SOURCE,FSTYPE -T "$WARCS/cold"; done)" \
	"$mounts" "mounts in the containers"
for name in "${containers[@]}"; do
	let_go "crawl-$name"
done

say "guardfs is stopped and started, which is no upgrade: who bound the mount itself has the dead one, whatever its propagation;"
say "who bound a directory above or below it, and hears of the host's mounts, has the new one"
container above slave "$WORK/srv"
assert_eq "$(sees above jobs/cold)" hello "what the container sees that has the directory above"
stop_guardfs
start_guardfs
wait_healthy
containers=(private slave shared)
assert_all_see 'Transport endpoint is not connected'
containers=(early-slave early-shared)
assert_all_see hello
assert_eq "$(sees above jobs/cold)" hello "what the container sees that has the directory above"
for name in early-slave early-shared private slave shared above; do
	end_container "$name"
done
stop_guardfs
[[ $immutable == no ]] || chattr -i "$MNT"
umount "$WORK/root"
