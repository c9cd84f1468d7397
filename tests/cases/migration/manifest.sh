# Lines of the manifest that cannot be: each is named with its file, its number, and what was expected; nothing is changed. Lines as
# guardfs and the old scripts read them, with slashes too many, are taken.
# limit: 120
# long: a run of the whole script for each line that cannot be
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"

box_start box
old_host

# refused LINE REGEX: that line, added as the fifth.
refused()
{
	printf '%s\n' "$1" >>"$MANIFEST"
	migrate --apply >"$WORK/said" 2>&1 && fail "not refused: $1"
	grep -qE "REFUSED: $MANIFEST:5: $2" "$WORK/said" || { cat "$WORK/said"; fail "not said: $2"; }
	! grep -q 'migrate-from-binds: .*failed$' "$WORK/said" || { cat "$WORK/said"; fail "it died of it"; }
	cp "$WORK/manifest.first" "$MANIFEST"
	assert_untouched
	rm -rf "$MSTATE"
}

refused "$OLD_BASE/jobs/imports/none $OLD_JOBS/imports/none" "expected a directory on the storage, and $OLD_BASE/jobs/imports/none is none: make it, or remove the line"
refused "$OLD_BASE/jobs/imports/odd name $OLD_JOBS/imports/odd" "expected COLD HOT, two absolute paths without blanks, found '$OLD_BASE/jobs/imports/odd name $OLD_JOBS/imports/odd'"
refused "$OLD_BASE/jobs/imports/alone" "expected COLD HOT, two absolute paths without blanks, found '$OLD_BASE/jobs/imports/alone'"
refused "jobs/imports/x $OLD_JOBS/imports/x" "expected COLD HOT, two absolute paths"
refused "$OLD_BASE/jobs/../x $OLD_JOBS/imports/x" 'expected paths without "." and "..", found'
refused "/elsewhere/x $OLD_JOBS/imports/x" "expected a cold path below $OLD_BASE, found /elsewhere/x"
refused "$OLD_BASE/jobs/imports/unbound /elsewhere/x" "expected a hot path below $OLD_JOBS, found /elsewhere/x"
touch "$WORK/box/data/jobs/plain"
refused "$OLD_BASE/jobs/plain $OLD_JOBS/imports/plain" "expected a directory on the storage, and $OLD_BASE/jobs/plain is none"

say "several at once: all of them are named"
printf '%s\n' "$OLD_BASE/jobs/a" '' '# nothing' "$OLD_BASE/jobs/b  " >>"$MANIFEST"
migrate >"$WORK/said" 2>&1 && fail "not refused"
for line in 5 8; do
	grep -q "REFUSED: $MANIFEST:$line: expected COLD HOT" "$WORK/said" || { cat "$WORK/said"; fail "line $line is not named"; }
done

say "a cold directory that is gone although its bind is there"
cp "$WORK/manifest.first" "$MANIFEST"
mv "$WORK/box/data/jobs/imports/legacy" "$WORK/box/data/jobs/imports/away"
wait_until 25000 not test -d "$OLD_BASE/jobs/imports/legacy"
assert_exit 1 "REFUSED: $MANIFEST:2: expected a directory of the storage that can be read, found none: $OLD_BASE/jobs/imports/legacy" migrate
mv "$WORK/box/data/jobs/imports/away" "$WORK/box/data/jobs/imports/legacy"
wait_until 25000 test -d "$OLD_JOBS/imports/legacy/.tmpx1"

say "slashes too many, a carriage return, blanks around, no newline at the end: migrated"
printf '%s/jobs//imports/legacy/ %s//imports/legacy/\r\n  \n\t%s/jobs/imports/stale\t%s/imports/stale//   \n%s/jobs/imports/unbound %s/imports/unbound/' \
	"$OLD_BASE" "$OLD_JOBS" "$OLD_BASE" "$OLD_JOBS" "$OLD_BASE" "$OLD_JOBS" >"$MANIFEST"
cp "$MANIFEST" "$WORK/manifest.first"
migrate --apply >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "migration"; }
assert_new
migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "rollback"; }
assert_old
old_end_all
