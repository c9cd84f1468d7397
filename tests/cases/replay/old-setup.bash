# old-setup.bash: the set-up that guardfs takes the place of, on the case's own box: a raw sshfs, bind mounts for the hot
# paths, the scripts around them in their own words. Each case of this area first shows what that does.
#
# OLD_BASE is where the storage is mounted, OLD_JOBS the archive root with the hot paths.
OLD_BASE=$WORK/old/storagebox OLD_JOBS=$WORK/old/jobs

# old_mount [BOX [PORT]]: the unit healtharchive-storagebox-sshfs, with its options. OLD_SSHFS is its process. OLD_UID and
# OLD_GID, if set, are whom it shows as owners; OLD_FSNAME is the source that the mount table shows.
old_mount()
{
	local box=$WORK/${1:-box}

	mkdir -p "$OLD_BASE" "$OLD_JOBS"
	sshfs -f -p "${2:-$(cat "$box/port")}" "$(cat "$box/user")@127.0.0.1:" "$OLD_BASE" -o "IdentityFile=$box/user_key" \
		-o "UserKnownHostsFile=$box/known_hosts" -o "allow_other,default_permissions,uid=${OLD_UID:-0},gid=${OLD_GID:-0},umask=0027" \
		-o "reconnect,ServerAliveInterval=15,ServerAliveCountMax=3,kernel_cache${OLD_FSNAME:+,fsname=$OLD_FSNAME}" </dev/null >>"$WORK/old.log" 2>&1 &
	OLD_SSHFS=$!
	echo "$OLD_SSHFS" >"$WORK/old-sshfs.pid"
	disown "$OLD_SSHFS"
	wait_until 10000 mountpoint -q "$OLD_BASE"
}

# sshfs dies, and its ssh with it. The mount stays, dead.
old_kill()
{
	local pids

	pids=$(descendants_of "$OLD_SSHFS")
	kill -KILL "$OLD_SSHFS" $pids
	wait_until 5000 is_gone "$OLD_SSHFS"
	rm -f "$WORK/old-sshfs.pid"
}

# What the unit does when it is stopped.
old_unmount()
{
	fusermount3 -u "$OLD_BASE" || umount -l "$OLD_BASE"
}

# old_apply MANIFEST: vps-warc-tiering-bind-mounts.sh --apply: lines "COLD HOT". Ends at the first line that it cannot
# apply, leaves what it finds mounted.
old_apply()
{
	local cold hot rest

	mountpoint -q "$OLD_BASE" && ls "$OLD_BASE" >/dev/null || return 1
	while read -r cold hot rest; do
		[[ -e $cold ]] || return 1
		if mountpoint -q "$hot"; then
			ls "$hot" >/dev/null || return 1
			continue
		fi
		install -d -m 0755 "$hot" || return 1
		mount --bind "$cold" "$hot" || return 1
	done <"$1"
}

# old_probe PATH...: the watchdog's probe: stat, is it a directory, list it. Prints "1 -1", "0 0" (no directory) or
# "0 ERRNO" for each.
old_probe()
{
	python3 - "$@" <<-'END'
		import os, stat, sys
		for path in sys.argv[1:]:
		    try:
		        if stat.S_ISDIR(os.stat(path).st_mode):
		            os.listdir(path)
		            print(1, -1)
		        else:
		            print(0, 0)
		    except OSError as e:
		        print(0, e.errno)
	END
}

# Only ENOTCONN counts as stale for the watchdog.
old_finds_stale()
{
	[[ $(old_probe "$1") == '0 107' ]]
}

# What people and the sentinel of the base looked at.
old_base_is_fine()
{
	mountpoint -q "$OLD_BASE" && ls "$OLD_BASE" >/dev/null
}

# A hot path that shows the root disk's directory instead of the storage.
old_is_bare()
{
	! mountpoint -q "$1" && [[ -d $1 ]]
}

# Takes it all away again: the processes that wait for it, the binds, the mount.
old_end()
{
	local target

	[[ ! -f $WORK/old-sshfs.pid ]] || old_kill
	while read -r target; do
		umount -l "$target"
	done < <(awk -v base="$WORK/old/" 'index($5, base) == 1 { print $5 }' /proc/self/mountinfo | tac)
}
