# systemd.sh: a systemd of the case's own, as process 1 of its own namespaces, over a copy of this machine that is forgotten
# afterwards: . "$REPO/tests/lib/systemd.sh". It starts nothing but what the case asks for; $WORK and the network are shared.
SYSTEMD=/lib/systemd/systemd
HOST=$WORK/host # what it sees as /

# systemd_boot: run as process 1. Everything here happens in its own mount namespace.
systemd_boot()
{
	local wants shown

	mount --make-rprivate /
	mount -t tmpfs -o mode=755 tmpfs "$WORK/upper"
	mkdir "$WORK/upper/files" "$WORK/upper/work"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$WORK/upper/files,workdir=$WORK/upper/work" "$HOST"
	mount -t proc proc "$HOST/proc"
	mount -t sysfs sysfs "$HOST/sys"
	mount -t cgroup2 cgroup2 "$HOST/sys/fs/cgroup"
	mount --rbind /dev "$HOST/dev"
	mount -t tmpfs -o mode=755 tmpfs "$HOST/run"
	mount -t tmpfs -o mode=1777 tmpfs "$HOST/tmp"
	mount --bind "$WORK" "$HOST$WORK"
	mount --bind "$WORK/volatile" "$HOST$WORK/volatile"
	# Where the checkout is shown at another place (tests/run), an overlay has only the empty directory.
	for shown in "$REPO" "$BUILD"; do
		! mountpoint -q "$shown" || mount --bind "$shown" "$HOST$shown"
	done
	# Nothing of this machine's own is started.
	rm -rf "$HOST"/etc/fstab "$HOST"/etc/systemd/system "$HOST"/{usr/,}lib/systemd/system-generators
	for wants in "$HOST"/{usr/,}lib/systemd/system/*.{wants,requires}; do
		rm -rf "$wants"
	done
	mkdir -p "$HOST/etc/systemd/system"
	cp -a "$WORK/units/." "$HOST/etc/systemd/system"
	cp -a "$WORK/etc/." "$HOST/etc"
	install -D -m 0755 -t "$HOST/usr/local/sbin" "$GUARDFS"
	install -D -m 0755 -t "$HOST/usr/local/bin" "$GUARDCTL"
	cd "$HOST"
	pivot_root . mnt
	umount -l /mnt
	mount --make-rshared /
	exec env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		"$SYSTEMD" --system --unit=case.target --log-target=console --show-status=no </dev/null
}

# systemd_start: with the units in $WORK/units and the files in $WORK/etc. Skips the case where it can't be had.
systemd_start()
{
	local unified own

	[[ -x $SYSTEMD ]] || skip "no systemd is installed"
	unified=$(findmnt -nro TARGET -t cgroup2 | head -n 1) || true
	if [[ -z $unified ]]; then
		# None is mounted here, as in a chroot: in this case's own mount namespace one does no harm.
		unified=/sys/fs/cgroup
		mount -t cgroup2 cgroup2 "$unified" 2>/dev/null || skip "no cgroup2 is mounted, and none can be mounted here"
	fi
	own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	CGROUP=$unified${own%/}/guardfs-test-$$
	mkdir "$CGROUP" 2>/dev/null || skip "no cgroup of our own can be made at $CGROUP"
	mkdir -p "$WORK/upper" "$HOST" "$WORK/units" "$WORK/etc"
	printf '[Unit]\nDescription=What the case starts from\n' >"$WORK/units/case.target"
	export -f systemd_boot
	export REPO BUILD WORK HOST SYSTEMD GUARDFS GUARDCTL
	(
		echo "$BASHPID" >"$CGROUP/cgroup.procs"
		exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child bash -euc systemd_boot
	) >"$WORK/guardfs-systemd.log" 2>&1 &
	echo $! >"$WORK/unshare.pid"
	wait_until 10000 systemd_up_or_dead
	[[ -d /proc/$(<"$WORK/unshare.pid") ]] || skip "systemd cannot be started here: $(tail -n 1 "$WORK/guardfs-systemd.log")"
}

systemd_up_or_dead()
{
	[[ ! -d /proc/$(<"$WORK/unshare.pid") ]] || [[ $(inside systemctl is-system-running) =~ running|degraded ]]
}

# inside COMMAND...: as somebody on that host.
inside()
{
	nsenter -t "$(pgrep -P "$(<"$WORK/unshare.pid")")" --mount --pid --uts --ipc --cgroup -- "$@"
}

# Its namespaces, processes and cgroup are gone; also when the case fails.
systemd_end()
{
	local pid i

	if [[ -s $WORK/unshare.pid ]]; then
		pid=$(<"$WORK/unshare.pid")
		kill -9 "$pid" # and with it, at its wish, process 1
		wait "$pid" 2>/dev/null || true
		rm "$WORK/unshare.pid"
	fi
	# Its processes leave the cgroup one after the other.
	for ((i = 0; i < 250; i++)); do
		[[ -d ${CGROUP:-} ]] || break
		find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
		sleep 0.02 # sleep-ok: polling
	done
}
trap 'rc=$?; set +e; systemd_end; (exit $rc); at_exit' EXIT
