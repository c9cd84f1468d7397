# The harness itself: what passes at its second try only is counted, named and kept; more than two fail the run.
. "$REPO/tests/lib/lib.sh"

mini=$WORK/mini
mkdir -p "$mini/tests/cases/area" "$WORK/bin" "$WORK/tries"
cp "$REPO/tests/run" "$mini/tests"
cp -r "$REPO/tests/lib" "$mini/tests"

# flaky NAME: a case, and a unit test program, that fail once.
flaky()
{
	echo "[[ -e $WORK/tries/$1 ]] || { touch $WORK/tries/$1; echo 'FAILED at $1: once'; exit 1; }" >"$mini/tests/cases/area/$1.sh"
	printf '#!/bin/bash\n[[ -e %q ]] && echo "ok 1 - it" && exit\ntouch %q\necho "not ok 1 - $0: once"\nexit 1\n' \
		"$WORK/tries/unit-$1" "$WORK/tries/unit-$1" >"$WORK/bin/test-$1"
	chmod +x "$WORK/bin/test-$1"
}
echo true >"$mini/tests/cases/area/good.sh"
flaky one
flaky two
export GUARDFS_TEST_DIR=$WORK/base GUARDFS_SECOND_TRIES=$WORK/kept GUARDFS_TEST_SLOW=1
unset GUARDFS_RESULTS # what these cases come to is no result of the run that this case is part of

say "two: told, and no failure"
"$mini/tests/run" area >"$WORK/said" || fail "two second tries failed the run: $(cat "$WORK/said")"
assert_match "$(tail -n 1 "$WORK/said")" '^# 3 passed, 0 failed, 0 skipped, 2 at the second try: area/(one area/two|two area/one)$'
assert_eq "$(grep -c 'Z area/\(one\|two\): FAILED at \(one\|two\): once' "$WORK/kept")" 2 "kept"
"$mini/tests/lib/run-unit" "$WORK"/bin/test-* >"$WORK/said" || fail "two second tries failed the unit tests: $(cat "$WORK/said")"
assert_match "$(tail -n 1 "$WORK/said")" '^# 2 at the second try: test-(one test-two|two test-one)'
assert_eq "$(grep -c 'Z test-\(one\|two\): not ok 1' "$WORK/kept")" 2 "kept"

say "none: nothing is said of it"
"$mini/tests/run" area >"$WORK/said"
assert_eq "$(tail -n 1 "$WORK/said")" '# 3 passed, 0 failed, 0 skipped'

say "three: the run fails, though each has passed"
flaky three
rm "$WORK"/tries/*
assert_exit 1 'not ok: more than 2 passed at the second try only' "$mini/tests/run" area
assert_exit 1 'not ok: more than 2 passed at the second try only' "$mini/tests/lib/run-unit" "$WORK"/bin/test-*

say "what fails twice is a failure, and no second try"
rm "$mini"/tests/cases/area/*
echo 'echo "FAILED at it: always"; exit 1' >"$mini/tests/cases/area/bad.sh"
kept=$(wc -l <"$WORK/kept")
assert_exit 1 '# 0 passed, 1 failed, 0 skipped$' "$mini/tests/run" area
assert_eq "$(wc -l <"$WORK/kept")" "$kept" "kept"
