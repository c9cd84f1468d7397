# confine.bash: tests/run and tests/lib/run-unit source it. What tests do to the machine ends where its mounts are read-only.

# confine ARGUMENT...: runs the script with these arguments again, once, in a mount namespace of its own, in which /dev is read-only: devices
# can be used, but their modes and owners, which are the machine's, cannot be changed. Only root could; so others just go on.
confine()
{
	((EUID == 0)) && [[ -z ${GUARDFS_CONFINED:-} ]] || return 0
	export GUARDFS_CONFINED=1
	if ! unshare --mount true 2>/dev/null; then
		echo "# no mount namespace can be had here: /dev is the machine's own"
		return 0
	fi
	# Below it shared memory and terminals are mounts of their own, and stay writable.
	exec unshare --mount bash -c 'mount --rbind /dev /dev && mount -o remount,bind,ro /dev || exit; exec "$@"' confine "$0" "$@"
}
