# POSIX ACLs: set, kept, inherited, and obeyed.
. "$REPO/tests/lib/lib.sh"

setup_local
start_guardfs
for dir in "$WORK/native" "$MNT/through"; do
	mkdir -p "$dir/dir"
	touch "$dir/file"
	chmod 0640 "$dir/file"
	setfacl -m u:61001:rw,g:61010:r "$dir/file"
	setfacl -d -m u:61001:rwx,g:61010:rx,o::- "$dir/dir"
	setfacl -m u:61001:rwx "$dir/dir"
	(umask 077 && touch "$dir/dir/inherited" && mkdir "$dir/dir/sub" && mknod "$dir/dir/pipe" p)
	(
		cd "$dir"
		getfacl -n file dir dir/inherited dir/sub dir/pipe
		stat -c '%n %a' file dir dir/inherited dir/sub dir/pipe
	) >"$dir.acl"
done
diff "$WORK/native.acl" "$MNT/through.acl"
as()
{
	setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}"
}

echo secret >"$MNT/through/file"
assert_eq "$(as 61001 cat "$MNT/through/file")" secret
as 61001 touch "$MNT/through/dir/by-61001"
assert_fails as 61003 cat "$MNT/through/file"
assert_fails as 61003 touch "$MNT/through/dir/x"
setfacl -x u:61001 "$MNT/through/file"
wait_until 2000 not as 61001 cat "$MNT/through/file"
setfacl -b "$MNT/through/file"
assert_eq "$(getfacl -cn "$MNT/through/file" | grep -c '^user:6')" 0
