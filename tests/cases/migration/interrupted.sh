# The migration is killed in each of its steps, and rolled back: every file stays what it was, and never is anything written to a bare
# directory of the local disk, although somebody tries all the while. With GUARDFS_TEST_WHOLE=1 also before and after each.
# limit: 900
# long: a migration and a rollback for each step; thirty with GUARDFS_TEST_WHOLE=1
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"
. "$REPO/tests/cases/migration/cut.bash"

box_start box
old_host
intruder_begin

for step in "${STEPS[@]}"; do
	for point in $(points begin acted done); do
		cut_at "$point:$step" --apply
		migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "rollback after $point:$step"; }
		if [[ "$step $point" =~ ^(mountpoint|aside|units)|^binds\ begin ]]; then
			assert_untouched # the stale bind is still there
		else
			assert_old
		fi
	done
	echo "$step"
done
intruder_end
old_end_all
