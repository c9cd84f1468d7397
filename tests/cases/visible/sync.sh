# guardctl sync writes down what is in memory: the local tier's file system, and what is open for writing on every tier; and says
# what it could not. sync -f through the mount, which the kernel answers by itself, does nothing of the sort.
. "$REPO/tests/lib/lib.sh"

# A file system in the file WORK/NAME.disk: what has been written down is in there.
disk_at()
{
	truncate -s 32M "$WORK/$1.disk"
	mkfs.ext4 -q "$WORK/$1.disk" && mkdir -p "$2" && mount -o loop "$WORK/$1.disk" "$2" || skip "no disk can be made here"
}
written_down()
{
	grep -q "$2" "$WORK/$1.disk"
}

disk_at local "$LOCAL"
disk_at store "$WORK/store"
setup_dir 'filter = fault' "fault_control = $WORK/fault"
box_start box
mkdir -p "$WORK/box/data/jobs/far" "$LOCAL/job" "$LOCAL/other"
conf_box box
echo "$WORK/cold/box/jobs/far $MNT/far" >>"$WORK/manifest"
start_guardfs
wait_healthy store
wait_healthy box

say "a bind mount of such a disk, and sync -f"
mkdir "$WORK/bound"
mount --bind "$LOCAL" "$WORK/bound"
echo BOUND-TEXT >"$WORK/bound/file"
! written_down local BOUND-TEXT || fail "this disk writes down by itself at once: nothing can be seen here"
sync -f "$WORK/bound"
written_down local BOUND-TEXT || fail "sync -f does not do it for a bind mount either"

say "the mount and sync -f: nothing happens"
echo LOCAL-TEXT >"$MNT/job/file"
exec 7>"$COLD/open"
echo STORE-TEXT >&7
sync -f "$MNT"
! written_down local LOCAL-TEXT || fail "sync -f reaches the local tier now: the manuals need not deny it"

say "guardctl sync: both are written down when it ends"
out=$(ctl sync)
echo "$out"
written_down local LOCAL-TEXT || fail "the local tier was not written down"
written_down store STORE-TEXT || fail "the open file on the backend was not written down"
assert_match "$out" 'local tier: synced'
assert_match "$out" 'open files: 1 synced, 0 not'

say "of a part of the tree"
echo STORE-MORE >&7
exec 8>"$MNT/job/open" 9>"$MNT/far/open"
echo x >&8
echo x >&9
assert_exit 0 'local tier: synced.*open files: 1 synced' ctl sync "$MNT/job"
assert_exit 0 'open files: 0 synced' ctl sync "$MNT/other"
! written_down store STORE-MORE || fail "a file elsewhere was synced"
assert_exit 0 '^open files: 1 synced' ctl sync "$COLD"
written_down store STORE-MORE || fail "the open file below it was not"
(cd "$COLD" && assert_exit 0 '^open files: 1 synced' "$GUARDCTL" sync open)
assert_exit 0 'open files: 3 synced, 0 not' ctl sync

say "a worker that dies in the middle of it: the next one does it"
fault 'fsync delay 1000'
ctl sync "$COLD" >"$WORK/said" &
syncing=$!
wait_value 5000 backend_field store inflight == 1
kill -9 "$(process_pid worker)"
wait "$syncing" || fail "it failed: $(cat "$WORK/said")"
assert_match "$(cat "$WORK/said")" 'open files: 1 synced, 0 not'
fault ''

say "a backend that does not answer: named, within the deadline of a sync; the others are done"
echo STORE-LAST >&7
exec 6>"$MNT/far/second"
box_freeze
echo x >>"$MNT/job/file"
start=$(now_ms)
assert_exit 1 'local tier: synced.*not synced: far/(open|second) \(box\): Input/output error.*not synced: far/(open|second) \(box\): not tried.*open files: 2 synced, 2 not' ctl sync
assert_le $(($(now_ms) - start)) $((DEADLINE_SYNC + 3000)) "ms until sync said so"
written_down store STORE-LAST || fail "one backend's silence kept another from being synced"
box_thaw

say "what it is not for"
assert_exit 100 'not in a mount of guardfs' ctl sync "$WORK"
assert_exit 1 "root's" setpriv --reuid 65534 --clear-groups "$GUARDCTL" sync "$MNT"
assert_exit 1 'No such file' ctl sync "$MNT/none"
assert_eq "$(python3 -c 'import fcntl, sys, errno
try: fcntl.ioctl(open(sys.argv[1]), 0x80046701 + 9, bytes(4))
except OSError as e: print(errno.errorcode[e.errno])' "$MNT/job/file")" ENOTTY "another ioctl"
exec 6>&- 7>&- 8>&- 9>&-
wait_healthy box
stop_guardfs
umount "$WORK/bound" "$LOCAL" "$WORK/store"
