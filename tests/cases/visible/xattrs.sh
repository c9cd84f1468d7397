# user.guardfs.tier and user.guardfs.state tell where a file lives; they are not listed and not copied.
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy
echo x >"$MNT/local"
echo x >"$COLD/file"
get()
{
	getfattr --only-values -n "user.guardfs.$2" "$1" 2>/dev/null
}

assert_eq "$(get "$MNT/local" tier)" local
assert_eq "$(get "$COLD/file" tier)" box
assert_eq "$(get "$COLD" tier)" box
assert_eq "$(get "$MNT" tier)" local
assert_match "$(get "$COLD/file" state)" '^(healthy|probation)$'
assert_eq "$(getfattr -d "$MNT/local" "$COLD/file" 2>/dev/null)" '' "listed attributes"
assert_fails setfattr -n user.guardfs.tier -v other "$MNT/local"
cp -a "$MNT/local" "$WORK/copy"
assert_eq "$(getfattr -d -m - "$WORK/copy" 2>/dev/null)" '' "copied attributes"
setfattr -n user.own -v 1 "$MNT/local"
assert_eq "$(getfattr -d "$MNT/local" 2>/dev/null | grep -c own)" 1
