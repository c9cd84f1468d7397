# Power cuts: killed at every point of the migration it can be described, rolled back, and gone on with; killed at every point
# of the rollback, too. Every file stays what it was.
# limit: 600
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"

box_start box
old_host
STEPS=(units binds base aside mountpoint manifest config dropins start verify)

# cut_at POINT ARGUMENT: killed there, and it says where it stands.
cut_at()
{
	local rc=0

	MIGRATE_STOP=$1 migrate "$2" >"$WORK/said" 2>&1 || rc=$?
	((rc == 137)) || { cat "$WORK/said"; fail "$2 was not cut at $1: $rc"; }
	migrate --status >"$WORK/said" || fail "no status after $1"
	grep -q "^${1#*:}  *\(begun, cut off\|done\|being undone\|undone\)" "$WORK/said" || { cat "$WORK/said"; fail "$1: status"; }
	grep -q "the local files are \(here\|in $OLD_JOBS.local\)" "$WORK/said" || { cat "$WORK/said"; fail "$1: where are the files?"; }
}

say "cut at every point, and rolled back each time"
for step in "${STEPS[@]}"; do
	for point in begin acted done; do
		cut_at "$point:$step" --apply
		migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "rollback after $point:$step"; }
		if [[ "$step $point" =~ ^units|^binds\ begin ]]; then
			assert_untouched # the stale bind is still there
		else
			assert_old
		fi
	done
	echo "$step"
done

say "one migration, cut at every point, and gone on with each time"
for step in "${STEPS[@]}"; do
	for point in begin acted done; do
		cut_at "$point:$step" --apply
	done
done
migrate --apply >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "the last --apply"; }
assert_new

say "one rollback, cut at every point; meanwhile --apply is refused"
for ((i = ${#STEPS[@]} - 1; i >= 0; i--)); do
	for point in undo reverted undone; do
		cut_at "$point:${STEPS[i]}" --rollback
	done
	assert_exit 1 'a rollback is under way' migrate --apply
done
migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "the last --rollback"; }
assert_old
old_end_all
