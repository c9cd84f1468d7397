# cut.bash: migrate-from-binds is killed where one wants it. STEPS and UNDO_STEPS are in its order.
STEPS=(mountpoint aside units binds base manifest config dropins start verify)
UNDO_STEPS=(verify start dropins config manifest base binds aside mountpoint units)

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

# points BEGUN ACTED DONE: at which points of a step it is killed: in the midst of it; before a release (GUARDFS_TEST_WHOLE=1) also before
# and after.
points()
{
	if [[ ${GUARDFS_TEST_WHOLE:-} ]]; then
		echo "$@"
	else
		echo "$2"
	fi
}
