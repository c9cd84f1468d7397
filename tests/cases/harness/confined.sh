# What a case does to devices stays without effect on the machine's, and other users can run what lies in the checkout, wherever that is.
. "$REPO/tests/lib/lib.sh"

say "a device can be used, not changed"
before=$(stat -c '%a %u:%g' /dev/null)
echo gone >/dev/null
assert_exit 1 'Read-only file system' chmod 0750 /dev/null
assert_exit 1 'Read-only file system' chown 1:1 /dev/null
assert_exit 1 'Read-only file system' touch /dev/made
assert_eq "$(stat -c '%a %u:%g' /dev/null)" "$before" "/dev/null"
touch /dev/shm/guardfs-test-$$
rm /dev/shm/guardfs-test-$$

say "another user"
other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
"${other[@]}" "$GUARDCTL" --version
"${other[@]}" "$TOOLS/timed" stat "$REPO/README.md" | grep '^OK'

say "a checkout that only root can get at is shown at another place"
if ((!${CONFINED_TWICE:-0})); then
	mkdir -m 0755 "$WORK/tests"
	mkdir -m 0700 "$WORK/shut"
	mkdir "$WORK/shut/repo" "$WORK/shut/build"
	mount --bind "$REPO" "$WORK/shut/repo"
	mount --bind "$BUILD" "$WORK/shut/build"
	CONFINED_TWICE=1 BUILD=$WORK/shut/build GUARDFS_TEST_DIR=$WORK/tests GUARDFS_RESULTS='' GUARDFS_SECOND_TRIES=$WORK/tries \
		"$WORK/shut/repo/tests/run" -v harness/confined >"$WORK/out" || fail "$(cat "$WORK/out")"
	umount "$WORK/shut/repo" "$WORK/shut/build"
	assert_eq "$(ls "$WORK/tests")" '' "left behind"
	[[ -e $REPO/README.md ]] || fail "the checkout is gone"
fi
