# What the machine lacks: a mountpoint in use, a missing local directory, no /dev/fuse, no root: a message, a status, and
# nothing left behind.
. "$REPO/tests/lib/lib.sh"

# rejected PATTERN COMMAND...: it fails in time, with such a message.
rejected()
{
	local pattern=$1 rc=0 out

	shift
	out=$(timeout 15 "$@" </dev/null 2>&1) || rc=$?
	echo "$rc: $out"
	assert_ne "$rc" 0 "exit status"
	assert_ne "$rc" 124 "exit status (it hung)"
	assert_match "$out" "$pattern" "message"
}

# refused PATTERN COMMAND...: and nothing is left behind.
refused()
{
	rejected "$@"
	[[ ! -e $RUN || -z $(ls -A "$RUN") ]] || fail "left in the run directory: $(ls -A "$RUN")"
}

conf_begin
say "a mountpoint in use, by something else and by ourselves"
mount -t tmpfs used "$MNT"
refused "$MNT.*(mount|use)" "$GUARDFS" -c "$CONF"
umount "$MNT"
start_guardfs
wait_until 10000 test -s "$RUN/status.json"
rejected . "$GUARDFS" -c "$CONF"
echo alive >"$MNT/file"
assert_content "$MNT/file" alive
[[ -s $RUN/status.json ]] || fail "the refused one took away the status of the one that runs"
stop_guardfs

say "a mountpoint that is missing, a file, or not empty"
rmdir "$MNT"
refused "$MNT" "$GUARDFS" -c "$CONF"
touch "$MNT"
refused "$MNT.*director" "$GUARDFS" -c "$CONF"
rm "$MNT"
mkdir "$MNT"

say "a local directory that is missing or a file"
mv "$LOCAL" "$LOCAL.away"
refused "$LOCAL" "$GUARDFS" -c "$CONF"
touch "$LOCAL"
refused "$LOCAL" "$GUARDFS" -c "$CONF"
rm "$LOCAL"
mv "$LOCAL.away" "$LOCAL"

say "no /dev/fuse"
refused '/dev/fuse' unshare -m bash -c "mount -t tmpfs none /dev && exec '$GUARDFS' -c '$CONF'"
say "no root"
chmod 755 "$WORK"
refused 'root|permi|priv' setpriv --reuid=65534 --regid=65534 --clear-groups "$GUARDFS" -c "$CONF"
say "root without CAP_SYS_ADMIN"
refused 'mount|permi|priv|root|CAP' setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$GUARDFS" -c "$CONF"

! mounted || fail "left mounted"
say "after all that it mounts"
start_guardfs
