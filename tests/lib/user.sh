# user.sh: an ordinary user for a case, with a home, a key and known hosts, who types sshfs-guard. Source it behind lib.sh.
#
# The user is this case's alone: its passwd and /dev/fuse (which some machines keep for root) are mounted over the machine's, in the
# case's own mount namespace.

# One for each case: others run at the same time.
ANN=$((20000 + $$ % 30000)) ANN_HOME=$WORK/home
GUARD_SSHFS=$BUILD/sshfs-guard
MNT=$ANN_HOME/mnt
GUARD_OPTIONS="guard=deadline.metadata=${DEADLINE_METADATA}ms,guard=deadline.read=${DEADLINE_READ}ms,guard=recovery.patience=0ms"
GUARD_OPTIONS+=",guard=recovery.probe_interval=${PROBE_INTERVAL}ms,guard=recovery.probe_timeout=${PROBE_TIMEOUT}ms"
GUARD_OPTIONS+=",guard=recovery.backoff_min=${BACKOFF_MIN}ms,guard=recovery.backoff_max=${BACKOFF_MAX}ms"

# user_begin: there is a user ann, and her server, the box `box`, which lets her in as root by her key.
user_begin()
{
	[[ -u $(command -v fusermount3) ]] || skip "no fusermount3 with a set-user-ID bit"
	! grep -q '^NoNewPrivs:.*1' /proc/self/status || skip "no program gets another user's rights here"
	mknod -m 0666 "$WORK/fuse" c 10 229 2>/dev/null || skip "no device can be made here"
	mount --bind "$WORK/fuse" /dev/fuse
	[[ -c /dev/fuse ]] && : 2>/dev/null <>/dev/fuse || skip "devices are not usable in $WORK"
	{ grep -v '^ann:' /etc/passwd; echo "ann:x:$ANN:$ANN::$ANN_HOME:/bin/sh"; } >"$WORK/passwd"
	mount --bind "$WORK/passwd" /etc/passwd
	box_start box
	SERVER=$WORK/box/data
	mkdir -p "$MNT" "$ANN_HOME/.ssh" "$ANN_HOME/run"
	chmod 0700 "$ANN_HOME" "$ANN_HOME/run" "$ANN_HOME/.ssh"
	cp "$WORK/box/user_key" "$ANN_HOME/.ssh/key"
	cp "$WORK/box/known_hosts" "$ANN_HOME/.ssh/known_hosts"
	ann_config
	chown -R "$ANN:$ANN" "$ANN_HOME"
	mkdir "$WORK/tools"
	printf '#!/bin/sh\nexec setpriv --reuid %s --regid %s --clear-groups "%s" "$@"\n' "$ANN" "$ANN" "$TOOLS/timed" >"$WORK/tools/timed"
	chmod 0755 "$WORK/tools/timed"
	# What lib.sh asks of the mount is asked as its user: nobody else may look.
	TOOLS=$WORK/tools
}

# Her ssh_config: `server` is the box.
ann_config()
{
	printf '%s\n' 'Host server' '  HostName 127.0.0.1' "  Port $(cat "$WORK/box/port")" '  User root' "  IdentityFile $ANN_HOME/.ssh/key" \
		"  UserKnownHostsFile $ANN_HOME/.ssh/known_hosts" '  GlobalKnownHostsFile /dev/null' >"$ANN_HOME/.ssh/config"
}

# ann COMMAND...: as she runs it.
ann()
{
	setpriv --reuid "$ANN" --regid "$ANN" --clear-groups env -u SSH_AUTH_SOCK HOME="$ANN_HOME" USER=ann XDG_RUNTIME_DIR="$ANN_HOME/run" "$@"
}

# sshfs_guard ARGUMENT...: with her ssh_config, which ssh looks for where passwd says that her home is.
sshfs_guard()
{
	ann "$GUARD_SSHFS" "$@"
}

status()
{
	ann timeout $((5 * SLOW)) cat "$MNT/.guardfs/status.json" | jq -r "$1"
}

# All of her processes.
ann_processes()
{
	ps -o pid= -u "$ANN" || true
}

ann_is_alone()
{
	[[ -z $(ann_processes) ]]
}

ann_mounted()
{
	grep -q " $MNT " /proc/self/mountinfo
}

# unmount_as_ann: the whole of it ends.
unmount_as_ann()
{
	ann fusermount3 -u "$MNT"
	! ann_mounted || fail "still mounted"
	wait_until 15000 ann_is_alone
}
