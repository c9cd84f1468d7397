# A host in the old arrangement is migrated, rolled back and migrated again: every file stays what it was, nothing else is
# touched. What stands in the way is refused before anything is changed.
# limit: 600
# long: two migrations, and as many refusals as there are reasons
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"

box_start box
old_host

# The state of everything: nothing may have changed.
everything()
{
	cat /proc/self/mountinfo
	find "$OLD_JOBS" -xdev ! -path '*/stale' -printf '%p %i %s %m\n' 2>/dev/null || true # the stale bind
	ls "$WORK"
	cat "$MANIFEST"
}
everything >"$WORK/everything" 2>&1

refused()
{
	assert_exit 1 "$1" migrate "${2:---apply}"
	rm -rf "$MSTATE"
}

say "dry run: says what it would do, and does nothing"
migrate >"$WORK/plan" || { cat "$WORK/plan"; fail "dry run"; }
cat "$WORK/plan"
grep -q "binds  *$OLD_JOBS/imports/stale <= $OLD_BASE/jobs/imports/stale (manifest, stale)" "$WORK/plan" || fail "the stale bind is missing"
grep -q "binds  *$OLD_JOBS/$ANNUAL <= .*(annual, alive)" "$WORK/plan" || fail "the annual bind is missing"
grep -q "imports/unbound <= .*(manifest, unbound)" "$WORK/plan" || fail "the unbound line is missing"

say "the environment file in other clothes, paths with slashes too many: the same plan"
printf '%s\r\n' "# STORAGEBOX_HOST=commented" 'STORAGEBOX_HOST=first' 'export STORAGEBOX_HOST="127.0.0.1" # the box' \
	"  STORAGEBOX_PORT='$(cat "$WORK/box/port")'" 'STORAGEBOX_USER=root  ' "STORAGEBOX_IDENTITY=$WORK/box/user_key # a key" \
	'STORAGEBOX_UID=0' 'STORAGEBOX_GID= "0"' 'STORAGEBOX_REMOTE_PATH=""' "STORAGEBOX_MOUNT='$OLD_BASE/'" >"$WORK/odd.env"
migrate --env "$WORK/odd.env" --jobs "$OLD_JOBS//" --manifest "${MANIFEST%/*}/./${MANIFEST##*/}" >"$WORK/plan.odd" ||
	{ cat "$WORK/plan.odd"; fail "dry run with the odd file"; }
diff <(grep -v 'Made by' "$WORK/plan") <(grep -v 'Made by' "$WORK/plan.odd") || fail "another plan"
printf 'STORAGEBOX_HOST=127.0.0.1\nSTORAGEBOX_USER=\n' >"$WORK/odd.env"
assert_exit 1 'STORAGEBOX_USER is missing' migrate --env "$WORK/odd.env"
ln -s "$WORK/old" "$WORK/link"
assert_exit 1 'leads through a symbolic link' migrate --jobs "$WORK/link/${OLD_JOBS##*/}"
rm "$WORK/plan" "$WORK/plan.odd" "$WORK/odd.env" "$WORK/link"
everything 2>&1 | diff "$WORK/everything" - || fail "the dry run changed something"
assert_exit 0 'no migration' migrate --status
assert_exit 1 'nothing to undo' migrate --rollback
assert_exit 2 usage migrate --frob

say "refused: open files, foreign mounts, a bind of something else, hidden local files, existing configuration"
exec 7<"$OLD_JOBS/$JOB/.archive_state.json"
refused "$JOB/.archive_state.json is open in process"
exec 7<&-
(cd "$OLD_JOBS/imports/legacy" && refused 'imports/legacy is open' --dry-run)
mkdir "$OLD_JOBS/foreign"
mount -t tmpfs none "$OLD_JOBS/foreign"
refused "none \(tmpfs\) is mounted at $OLD_JOBS/foreign: not ours"
umount "$OLD_JOBS/foreign"
mount --bind "$OLD_BASE/jobs/imports/legacy" "$OLD_JOBS/foreign"
refused "$OLD_JOBS/foreign is mounted .*list it"
umount "$OLD_JOBS/foreign"
rmdir "$OLD_JOBS/foreign"
umount "$OLD_JOBS/imports/legacy"
mount --bind "$OLD_BASE/jobs/imports/unbound" "$OLD_JOBS/imports/legacy"
refused "imports/legacy shows /jobs/imports/unbound of the storage, the manifest says /jobs/imports/legacy"
umount "$OLD_JOBS/imports/legacy"
mount --bind "$OLD_BASE/jobs/imports/legacy" "$OLD_JOBS/imports/legacy"
file "$OLD_JOBS/imports/unbound/written-to-the-root-disk" 10
refused 'imports/unbound is not mounted, and the local disk holds files'
rm -r "$OLD_JOBS/imports/unbound"
touch "$CONF"
refused "$CONF exists already"
rm "$CONF"
unshare -m --propagation private bash -c 'mount --bind "$1" "$2/box"; exec sleep 100' _ "$OLD_JOBS/phac" "$WORK" & # sleep-ok: a container
echo $! >"$WORK/container.pid"
wait_until 5000 grep -q "$OLD_JOBS/phac $WORK/box " "/proc/$(cat "$WORK/container.pid")/mountinfo"
refused 'another mount namespace has .*phac mounted at'
kill -KILL "$(cat "$WORK/container.pid")"
rm "$WORK/container.pid"
cp "$MANIFEST" "$WORK/manifest.good"
echo "$OLD_BASE/jobs/imports/unbound $OLD_JOBS/imports/legacy/inside" >>"$MANIFEST"
refused 'doctor: .*:5: .*lie inside one another'
cp "$WORK/manifest.good" "$MANIFEST"
rm "$WORK/manifest.good"
assert_untouched

say "migrated"
migrate --apply
assert_new
assert_content "$MANIFEST" "$(cat "$WORK/manifest.first")
$OLD_BASE/jobs/$ANNUAL $OLD_JOBS/$ANNUAL"
assert_eq "$(cd "$OLD_JOBS/imports/unbound" && find . -type f | wc -l)" 4 "the line that had no bind is a route now"
assert_exit 0 complete migrate --status
assert_exit 1 'under way' migrate
echo more >"$OLD_JOBS/$JOB/.archive_state.json"
echo cold >"$OLD_JOBS/$ANNUAL/new"
for job in "$JOB" "$ANNUAL" imports/legacy; do
	grep -qx "$job" <<<"$(cut -f1 "$OLD_JOBS/.guardfs/jobs")" || fail "the configuration does not know that $job is a job"
done
mkdir "$OLD_JOBS/hc/20270101T000500Z__hc-20270101"

say "beneath: empty, closed, immutable"
mkdir "$WORK/beneath"
unshare -m --propagation private bash -c 'mount --bind "$1" "$2" && stat -c %a "$2/jobs" && ls -A "$2/jobs" && ! touch "$2/jobs/x"' _ \
	"$WORK/old" "$WORK/beneath" >"$WORK/seen" 2>&1 || fail "the mountpoint is not closed: $(cat "$WORK/seen")"
assert_match "$(cat "$WORK/seen")" '^0
touch: .*not permitted|^0
touch: .*' "beneath"

say "rolled back: as it was, with what was written meanwhile; what the old set-up does not know is said"
migrate --rollback | tee "$WORK/said"
grep -q "needs a line for it: $OLD_BASE/jobs/hc/20270101T000500Z__hc-20270101" "$WORK/said" || fail "the new annual job is not named"
assert_content "$OLD_JOBS/$JOB/.archive_state.json" more
assert_content "$OLD_JOBS/$ANNUAL/new" cold
expected_sums | grep -v hc-20270101 >"$WORK/sums"
assert_old

say "and again"
migrate --apply
assert_new
assert_content "$OLD_JOBS/$ANNUAL/new" cold
migrate --rollback
assert_old
assert_eq "$(ls -d "$MSTATE"/rolled-back.* | wc -l)" 2 "histories kept"
old_end_all
