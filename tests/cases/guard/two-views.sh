# One directory of a backend by its route, by .guardfs/backends and by expose; and by routes whose targets nest or are equal:
# locks, appends, pages, sizes and names are one, as they are on raw sshfs and on a bare directory with a bind mount.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

# compare WHAT A B
compare()
{
	say "$1"
	python3 "$REPO/tests/cases/guard/two-views.py" "$2" "$3" || fail "$1: $2 and $3 do not agree"
	rm -rf "${2:?}"/*
}

box_start box
mkdir -p "$WORK"/{box/data/jobs/cold/below,box/data/raw,store/jobs/cold,exposed}
conf_begin
conf_box box "expose = $WORK/exposed"
conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store"
conf_tier box/jobs/cold cold box/jobs jobs box/jobs/cold again store/jobs/cold dir
start_guardfs
wait_healthy
wait_healthy store
wait_until 5000 mountpoint -q "$WORK/exposed"
compare "route and expose" "$MNT/cold" "$WORK/exposed/jobs/cold"
compare "the tree of the backend and the route" "$MNT/.guardfs/backends/box/jobs/cold" "$MNT/cold"
compare "two routes that nest" "$MNT/cold" "$MNT/jobs/cold"
compare "two routes with one target" "$MNT/again" "$MNT/cold"
compare "a directory as tier" "$MNT/dir" "$MNT/.guardfs/backends/store/jobs/cold"

say "beside it: a bare directory, and raw sshfs, each with a bind mount"
mkdir "$WORK"/bare "$WORK"/bound
mount --bind "$WORK/bare" "$WORK/bound"
compare "a bare directory" "$WORK/bare" "$WORK/bound"
umount "$WORK/bound"
raw_begin
mount --bind "$RAW/raw" "$WORK/bound"
compare "raw sshfs" "$RAW/raw" "$WORK/bound"
umount "$WORK/bound"
raw_end
