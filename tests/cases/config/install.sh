# make install and uninstall with DESTDIR and PREFIX: programs, mount helper, manual pages, example; and nothing stays.
# limit: 120
# long: a whole installation, manual pages included, from a copy of the build
. "$REPO/tests/lib/lib.sh"

dest=$WORK/dest
# A copy, so that nothing is built anew under the other cases.
cp -a "$BUILD" "$WORK/build"
BUILD=$WORK/build
make -s -C "$REPO" BUILD="$BUILD" DESTDIR="$dest" PREFIX=/usr install
for file in usr/sbin/guardfs usr/bin/guardctl usr/bin/guardfs-verify usr/bin/sshfs-guard usr/share/man/man1/guardfs-verify.1 usr/share/man/man1/sshfs-guard.1 usr/share/man/man8/guardfs.8 usr/share/man/man8/migrate-from-binds.8 usr/share/man/man5/guardfs.conf.5 \
	usr/share/man/man1/guardctl.1 usr/share/doc/guardfs/examples/guardfs.conf; do
	[[ -s $dest/$file ]] || fail "not installed: $file"
done
for file in $(grep -rhoP 'docs/\K[A-Z]+\.md' "$dest/usr/share/doc/guardfs/examples" "$dest/usr/share/man" "$REPO/guardfs/ctl" | sort -u) \
	OPERATIONS.md MIGRATION.md; do
	[[ -s $dest/usr/share/doc/guardfs/$file ]] || fail "what is named is not installed: $file"
done
assert_fails grep -rl /usr/local/ "$dest/usr/share/man" "$dest"/usr/share/doc/guardfs/*.md "$dest/usr/lib/systemd"
grep -q /usr/share/doc/guardfs "$dest/usr/share/man/man1/guardctl.1" || fail "the manual names no place"
grep -qF '*/[0-9]*__*' "$dest/usr/share/man/man5/guardfs.conf.5" || fail "the pattern of jobs is not whole in the manual"
assert_eq "$(readlink "$dest/sbin/mount.fuse.guardfs")" /usr/sbin/guardfs "mount helper"
"$dest/usr/sbin/guardfs" --version
"$dest/usr/bin/guardctl" version
"$dest/usr/bin/guardfs-verify" --version
"$dest/usr/bin/sshfs-guard" -V

say "the example is a configuration that guardfs accepts"
install -m 0644 "$dest/usr/share/doc/guardfs/examples/guardfs.conf" "$WORK/example.conf"
"$dest/usr/sbin/guardfs" --check-config "$WORK/example.conf"

make -s -C "$REPO" BUILD="$BUILD" DESTDIR="$dest" PREFIX=/usr uninstall
assert_eq "$(find "$dest" ! -type d)" '' "left by uninstall"
