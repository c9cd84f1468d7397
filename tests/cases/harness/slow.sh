# The harness itself: on a machine that is said to be slow everything may take so many times as long; and what fails is not tried
# again where that was asked for.
. "$REPO/tests/lib/lib.sh"

mini=$WORK/mini
mkdir -p "$mini/tests/cases/area"
cp "$REPO/tests/run" "$mini/tests"
cp -r "$REPO/tests/lib" "$mini/tests"
export GUARDFS_TEST_DIR=$WORK/base GUARDFS_SECOND_TRIES=$WORK/kept
unset GUARDFS_RESULTS GUARDFS_TEST_SLOW

say "a case's time limit, and what it waits for"
{
	echo '# limit: 2'
	cat <<'END'
. "$REPO/tests/lib/lib.sh"
begun=$(now_ms)
later()
{
	(($(now_ms) >= begun + $1))
}
wait_until 200 later 2500
check_result OK 0 100 "a call" OK 1900000 0
END
} >"$mini/tests/cases/area/late.sh"
assert_exit 1 '# 0 passed, 1 failed, 0 skipped$' "$mini/tests/run" -1 area
GUARDFS_TEST_SLOW=100 "$mini/tests/run" -1 area >"$WORK/said" || fail "$(cat "$WORK/said")"

say "one try"
echo "[[ -e $WORK/once ]] || { touch $WORK/once; exit 1; }" >"$mini/tests/cases/area/late.sh"
assert_exit 1 '# 0 passed, 1 failed, 0 skipped$' "$mini/tests/run" -1 area
assert_missing "$WORK/kept"
