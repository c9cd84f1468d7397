# guardctl tier move to a backend that shows hard links and presents an owner of its own: links are compared, owner and mode not,
# and what comes back has what the backend presents.
. "$REPO/tests/lib/lib.sh"

setup_dir 'uid = 12' 'gid = 34' 'umask = 0027'
J=$LOCAL/job
mkdir -p "$J/sub"
echo content >"$J/sub/file"
ln "$J/sub/file" "$J/linked"
ln -s nowhere "$J/symlink"
chmod 0600 "$J/sub/file"
setfattr -n user.origin -v x "$J/sub"
start_guardfs
wait_healthy store

say "there"
assert_exit 0 '1 files or directories in .* have extended attributes.*is on store: 2 files' ctl tier move job --to store:a/new/place
assert_content "$MNT/job/linked" content
assert_eq "$(stat -c '%u:%g %a' "$MNT/job/linked")" '12:34 750' "presented"
assert_eq "$(stat -c %i "$WORK/store/a/new/place/linked")" "$(stat -c %i "$WORK/store/a/new/place/sub/file")" "hard link"
assert_exit 0 removed ctl tier move job --discard-old

say "and back, a change through the path included"
echo more >>"$MNT/job/linked"
ctl tier move job --to local >"$WORK/said" 2>&1 || fail "$(cat "$WORK/said")"
grep -q 'is on local: 2 files' "$WORK/said" || fail "$(cat "$WORK/said")"
assert_fails grep 'extended attributes' "$WORK/said"
assert_eq "$(readlink "$J/symlink")" nowhere "symbolic link"
assert_eq "$(stat -c '%u:%g %a' "$J/linked")" '12:34 750' "owner and mode"
assert_eq "$(stat -c %i "$J/linked")" "$(stat -c %i "$J/sub/file")" "hard link"
assert_content "$MNT/job/sub/file" $'content\nmore'
assert_exit 0 removed ctl tier move job --discard-old
assert_missing "$WORK/store/a/new/place"
assert_content "$MNT/job/sub/file" $'content\nmore'
