# One migration and one rollback, each killed at every point and run again; the same with the power cut at every point at which the
# tree is aside. Each ends right, and nothing is written to a bare directory of the local disk meanwhile, though somebody tries.
# limit: 900
# long: a hundred runs of the script
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"
. "$REPO/tests/cases/migration/cut.bash"

box_start box
old_host

# go_on --apply|--rollback: to the end.
go_on()
{
	migrate "$1" >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "the last $1"; }
}

say "killed at every point, and gone on with each time"
intruder_begin
for step in "${STEPS[@]}"; do
	for point in $(points begin acted done); do
		cut_at "$point:$step" --apply
	done
done
go_on --apply
assert_new

say "one rollback likewise; meanwhile --apply is refused"
for step in "${UNDO_STEPS[@]}"; do
	for point in $(points undo reverted undone); do
		cut_at "$point:$step" --rollback
	done
	assert_exit 1 'a rollback is under way' migrate --apply
done
go_on --rollback
assert_old
intruder_end

# power_cut_at POINT ARGUMENT: and somebody writes before it is gone on with.
power_cut_at()
{
	cut_at "$1" "$2"
	power_cut
	(intrude once)
	assert_eq "$(intruders)" '' "$1: written to bare directories of the local disk"
}

say "the power is cut, from when the tree was put aside until guardfs runs"
for step in units binds base manifest config dropins start; do
	power_cut_at "acted:$step" --apply
done
go_on --apply
assert_new

say "and until the tree is put back"
for step in start dropins config manifest base binds; do
	power_cut_at "reverted:$step" --rollback
done
go_on --rollback
assert_old
old_end_all
