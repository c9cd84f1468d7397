# What was written to the local disk while binds were missing: beneath a bind that is there now it stays, out of sight, and is
# named; where the bind is missing still, the route would hide it, and the migration is refused.
# limit: 120
# long: several runs of the whole script
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"

box_start box
mkdir -p "$OLD_JOBS/$ANNUAL" "$OLD_JOBS/imports/legacy"
echo lost >"$OLD_JOBS/$ANNUAL/written-while-unmounted"
echo lost >"$OLD_JOBS/imports/legacy/written-while-unmounted"
old_host

say "an annual job that is not bound, with files on both sides: refused; on the local disk alone it stays there"
OTHER=cihr/20260101T000500Z__cihr-20260101
mkdir -p "$WORK/box/data/jobs/$OTHER"
file "$OLD_JOBS/$OTHER/rec.warc.gz" 100
wait_until 25000 test -d "$OLD_BASE/jobs/$OTHER" # sshfs remembers for a while that it is not there
assert_exit 1 "REFUSED: $OLD_JOBS/$OTHER is not mounted, and the local disk holds files there" migrate --apply
assert_untouched
rm -rf "$MSTATE"
rmdir "$WORK/box/data/jobs/$OTHER"
wait_until 25000 not test -d "$OLD_BASE/jobs/$OTHER"

say "migrated"
migrate --apply >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "migration"; }
for hot in "$ANNUAL" imports/legacy; do
	grep -q "note: .*files beneath $OLD_JOBS/$hot; they stay" "$WORK/said" || fail "$hot: not named"
	assert_content "$OLD_JOBS.local/$hot/written-while-unmounted" lost
	assert_missing "$OLD_JOBS/$hot/written-while-unmounted"
	assert_exit 1 "DISAGREES shadowed: $hot " ctl tiers
done
grep -q "note: .*$OTHER is an annual job on the local disk" "$WORK/said" || fail "$OTHER: not named"
assert_exit 1 "DISAGREES misplaced: $OTHER " ctl tiers
assert_files
cmp "$OLD_JOBS/$OTHER/rec.warc.gz" "$OLD_JOBS.local/$OTHER/rec.warc.gz"

say "rolled back"
migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "rollback"; }
assert_old
umount "$OLD_JOBS/$ANNUAL"
assert_content "$OLD_JOBS/$ANNUAL/written-while-unmounted" lost

say "a manifest without lines, and nothing bound: the storage is proven all the same"
for hot in "$ANNUAL" imports/legacy imports/stale; do
	umount -l "$OLD_JOBS/$hot" 2>/dev/null || true
done
rm -r "${OLD_JOBS:?}/$ANNUAL" "$OLD_JOBS/imports"
echo '# none' >"$MANIFEST"
migrate --apply >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "migration"; }
# Degraded for as long as it is watched after its first connection.
wait_until 5000 ctl health "$OLD_BASE"
assert_match "$(ctl health "$OLD_BASE")" '^ok .* storagebox'
migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "rollback"; }
old_end_all
