# .guardfs is not listed: rm -rf, du, find, rsync, tar and globs walk the tree without meeting it or what is behind it.
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$WORK/box/data/precious"
head -c 5M /dev/zero >"$WORK/box/data/precious/file"
start_guardfs
wait_healthy
mkdir -p "$MNT/job/sub"
echo x >"$MNT/job/sub/file"
echo x >"$COLD/file"

assert_eq "$(ls -A "$MNT" | xargs)" 'cold job'
assert_eq "$(find "$MNT" | sed "s,^$MNT,," | sort | xargs)" '/cold /cold/file /job /job/sub /job/sub/file'
assert_le "$(du -s -B1 --apparent-size "$MNT" | cut -f1)" 1000000 "du"
mkdir "$WORK/copy"
rsync -a "$MNT/" "$WORK/copy/"
assert_eq "$(cd "$WORK/copy" && find . | sort | xargs)" '. ./cold ./cold/file ./job ./job/sub ./job/sub/file'
tar -C "$MNT" -cf "$WORK/tar" .
assert_eq "$(tar -tf "$WORK/tar" | grep -c guardfs)" 0
(
	shopt -s dotglob nullglob
	cd "$MNT"
	assert_eq "$(echo *)" 'cold job'
)
rsync -a --delete "$WORK/copy/job/" "$MNT/job/"

say "rm -rf of everything"
rm -rf "$MNT"/* 2>"$WORK/rm" || true
cat "$WORK/rm"
assert_missing "$MNT/job"
assert_missing "$SERVER/file"
[[ -s $WORK/box/data/precious/file ]] || fail "rm -rf went where it was not sent"
assert_content "$MNT/.guardfs/routes" "$(cat "$MNT/.guardfs/routes")"
[[ -d $MNT/cold ]] || fail "the route's root is gone"
