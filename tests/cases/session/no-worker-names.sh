# While no worker can be started a name that the kernel has is not taken from it: what is mounted on it stays.
. "$REPO/tests/lib/lib.sh"

setup_local 'cache = 3s'
start_guardfs
mkdir "$MNT/dir"
mkdir "$WORK/other"
began=$(now_ms)
mount --bind "$WORK/other" "$MNT/dir"

# at MS: waits until so much time has passed since the kernel learned the name.
at()
{
	while (($(now_ms) < began + $1)); do
		sleep 0.02 # sleep-ok: the kernel's cache times are what this is about
	done
}

say "the name may be kept for 3 s; the attributes of the directory above are newer"
at 1500
chmod 755 "$MNT"
prlimit --pid "$GUARDIAN" --as=$(($(awk '$1 == "VmSize:" {print $2}' "/proc/$GUARDIAN/status") * 1024 + 1048576)):
kill -9 "$(process_pid worker)"
say "the name is looked up again: no error, but nobody is told more than that it is there"
at 3200
"$TOOLS/timed" stat "$MNT/dir/.." >"$WORK/result"
cat "$WORK/result"
assert_match "$(cat "$WORK/result")" '^(OK|EIO) '
prlimit --pid "$GUARDIAN" --as=unlimited:
wait_until 10000 stat "$MNT/dir"
mountpoint -q "$MNT/dir" || fail "what was mounted there is detached"
umount "$MNT/dir"
