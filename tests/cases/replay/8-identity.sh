# Failure mode 8, 2026-01-24 to 02-02: the watchdog's filter of mounts skipped the unmounting for 9 days, silently; and where rebinding
# failed, a readable local directory counted as success and writes went to the root disk. guardfs: success is the proof that
# it is the right storage, nothing less.
# limit: 180
# long: two arrangements, and outages that end only with a proof of identity
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"

BACKOFF_MAX=1000
MARKER=7c9e6679-7425-40de-944b-e07fc1f90ae7
box_start box
data=$WORK/box/data
mkdir -p "$data/jobs/cold"
echo hello >"$data/jobs/cold/file"

# other_data NAME: somebody else's storage of the same shape: everything is there but what makes it ours.
other_data()
{
	mkdir -p "$WORK/$1/jobs/cold"
	echo 'of somebody else' >"$WORK/$1/jobs/cold/file"
}

say "the old set-up: base and hot path die, the watchdog unmounts, rebinding fails, the bare directory is readable"
old_mount
echo "$OLD_BASE/jobs/cold $OLD_JOBS/hot" >"$WORK/old-manifest"
old_apply "$WORK/old-manifest"
box_kill
old_kill
assert_eq "$(old_probe "$OLD_JOBS/hot")" '0 107' "the hot path"
umount "$OLD_JOBS/hot" || umount -l "$OLD_JOBS/hot"
assert_exit 1 '' old_apply "$WORK/old-manifest"
say "its check afterwards says that all is well, the worker is started, and writes to the root disk"
assert_eq "$(old_probe "$OLD_JOBS/hot")" '1 -1' "the hot path"
old_is_bare "$OLD_JOBS/hot" || fail "the hot path is not bare"
echo 'a WARC' >"$OLD_JOBS/hot/warc"
assert_content "$OLD_JOBS/hot/warc" 'a WARC'
assert_eq "$(stat -c %d "$OLD_JOBS/hot/warc")" "$(stat -c %d "$WORK")" "device of what was written"
assert_missing "$data/jobs/cold/warc"
old_end

say "guardfs: a box with a marker, one that adopts its own, and a directory that somebody else mounts: the old base"
echo "$MARKER" >"$data/.guardfs-id"
box_start second 2223
mkdir -p "$WORK/second/data/jobs/cold"
echo hello >"$WORK/second/data/jobs/cold/file"
box_restart
old_mount
conf_begin
# With a path of its own what lies at that path counts, not the directory in which a session began.
conf_box box "path = $data" "marker = $MARKER"
conf_box second "path = $WORK/second/data" 'adopt = yes'
conf 'backend base' 'type = dir' "path = $OLD_BASE" "alias = $WORK/cold/base" "marker = $MARKER"
conf_tier box/jobs/cold cold second/jobs/cold second base/jobs/cold base
start_guardfs
for name in box second base; do
	wait_healthy "$name"
done
assert_content "$MNT/cold/file" hello
assert_content "$MNT/second/file" hello
assert_content "$MNT/base/file" hello

# assert_wrong NAME PATH WRONG: that backend stays down for it, callers get EIO, nothing is written to WRONG.
assert_wrong()
{
	local name=$1 path=$2 wrong=$3 before id

	wait_value 15000 backend_field "$name" class == identity_mismatch
	find "$wrong" -printf '%P %s %T@\n' | sort >"$WORK/wrong.before"
	before=$(backend_field "$name" attempts)
	assert_op EIO 0 1000 create "$path/probe"
	assert_op EIO 0 1000 stat "$path/file"
	assert_op EIO 0 1000 readdir "$path"
	wait_value 15000 backend_field "$name" attempts -ge $((before + 2))
	assert_eq "$(backend_field "$name" class)" identity_mismatch "class of $name"
	backend_is "$name" down recovering || fail "$name serves: $(backend_field "$name" state)"
	assert_op EIO 0 1000 create "$path/probe"
	find "$wrong" -printf '%P %s %T@\n' | sort | diff "$WORK/wrong.before" - || fail "something was written to $wrong"
	assert_exit 2 '^down identity_mismatch' ctl health "$path"
	id=$(ctl incidents --backend "$name" --json | jq '.incidents[0] | select(.closed == 0) | .id')
	ctl incident "$id" --json | jq -e '.events | any(.class == "identity_mismatch")' >/dev/null || fail "no incident that says so"
}

say "the backend's directory is replaced by another while it serves"
other_data other
mv "$data" "$data.right"
mv "$WORK/other" "$data"
assert_wrong box "$MNT/cold" "$data"
assert_match "$(status '.backends[] | select(.name == "box") | .advice')" 'guardfs-id' "advice"
say "nor by an empty one, nor by one whose marker is another's"
mv "$data" "$WORK/other"
mkdir "$data"
assert_wrong box "$MNT/cold" "$data"
rmdir "$data"
mv "$WORK/other" "$data"
uuidgen >"$data/.guardfs-id" 2>/dev/null || cat /proc/sys/kernel/random/uuid >"$data/.guardfs-id"
assert_wrong box "$MNT/cold" "$data"
say "the others go on"
assert_content "$MNT/second/file" hello
say "healthy only when the right one is back"
rm -r "$data"
mv "$data.right" "$data"
wait_healthy
assert_content "$MNT/cold/file" hello
echo more >"$MNT/cold/more"
assert_content "$data/jobs/cold/more" more

say "a server with the same name and keys, and somebody else's data: the adopted marker is not made anew"
box_kill second
wait_down second
mv "$WORK/second/data" "$WORK/second/data.right"
other_data other
mv "$WORK/other" "$WORK/second/data"
box_restart second
assert_wrong second "$MNT/second" "$WORK/second/data"
assert_missing "$WORK/second/data/.guardfs-id"
rm -r "$WORK/second/data"
mv "$WORK/second/data.right" "$WORK/second/data"
wait_healthy second
assert_content "$MNT/second/file" hello

say "the old base, unmounted beneath a dir backend: a bare local directory is no storage"
wait_healthy base
old_kill
umount -l "$OLD_BASE"
mkdir -p "$OLD_BASE/jobs/cold"
assert_wrong base "$MNT/base" "$OLD_BASE"
rm -r "$OLD_BASE/jobs"
old_mount
wait_healthy base
assert_content "$MNT/base/file" hello
stop_guardfs
old_end
