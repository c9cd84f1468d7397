# Going back while storage is down: refused before anything is changed; when it goes down in the middle, no hot path leads to a bare
# directory, whoever writes, and the rollback is finished when storage is back.
# limit: 400
# long: two migrations, and waits for a dead box
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"
. "$REPO/tests/cases/migration/cut.bash"

box_start box
old_host

# Nobody finds a place to write to: not in a hot path, not beside it, not where the storage was.
assert_nowhere_to_write()
{
	local path

	for path in "$OLD_JOBS/$ANNUAL" "$OLD_JOBS/imports/legacy" "$OLD_JOBS/$JOB" "$OLD_JOBS" "$OLD_BASE" "$OLD_BASE/jobs"; do
		assert_fails mkdir -p "$path/intruder"
		assert_fails touch "$path/intruder-file"
	done
	assert_eq "$(intruders)" '' "written to bare directories of the local disk"
}

migrate --apply >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "migration"; }
assert_new

say "the box refuses connections; it hangs"
box_kill
assert_exit 1 'REFUSED: the storage does not answer.*nothing was changed by this run' migrate --rollback
mounted || fail "guardfs was stopped"
[[ -e $CONF ]] || fail "the configuration was taken away"
box_restart
wait_healthy storagebox
box_freeze
assert_exit 1 'REFUSED: the storage does not answer.*nothing was changed by this run' migrate --rollback
mounted || fail "guardfs was stopped"
box_thaw
wait_healthy storagebox
assert_new

say "it goes down after guardfs was stopped: nothing to write to, before and after a reboot"
cut_at undone:manifest --rollback
box_kill
assert_exit 1 'the storage does not answer' migrate --rollback
assert_nowhere_to_write
power_cut
assert_nowhere_to_write
assert_exit 1 'the storage does not answer' migrate --rollback

say "it goes down between the look and the mount: the raw sshfs cannot be started"
box_restart
mkdir "$WORK/bin"
printf '#!/bin/sh\nexit 1\n' >"$WORK/bin/sshfs"
chmod +x "$WORK/bin/sshfs"
assert_exit 1 "waited 3 s in vain for $OLD_BASE to be mounted" env PATH="$WORK/bin:$PATH" MIGRATE_WAIT_S=3 "${MIGRATE[@]}" --rollback
assert_nowhere_to_write

say "it goes down when all is bound again, and the tree is not yet in its place"
cut_at undone:binds --rollback
power_cut
assert_nowhere_to_write

say "finished"
migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "rollback"; }
assert_old

say "a migration that was cut off does not go on without storage either"
cut_at done:base --apply
box_kill
assert_exit 1 'REFUSED: the storage does not answer.*nothing was changed by this run' migrate --apply
assert_nowhere_to_write
box_restart
migrate --rollback >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "rollback"; }
assert_old
assert_eq "$(stat -c %a "$WORK/old")" 755 "the directory above"
old_end_all
