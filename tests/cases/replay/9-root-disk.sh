# Failure mode 9, 2026-02-04: after a reboot the binds were missing, and 50 GB of crawl filled the root disk. guardfs: not mounted, nothing
# can be written below its mountpoint; an annual job's directory is made on the storage or not at all; df tells each tier's own space,
# so that the gates at 85 and 88 % mean something, and whoever asks is told which tier it is.
# limit: 120
# long: two arrangements, outages, and file systems that are filled
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"
. "$REPO/tests/cases/replay/crawl.bash"

JOB=hc/20260101T000500Z__hc-20260101 LATER=cihr/20270101T000500Z__cihr-20270101 EARLY=phac/20280101T000500Z__phac-20280101
# The root disk, before and with guardfs, and the storage: small, each of a size of its own.
mkdir "$WORK/old" "$LOCAL" "$WORK/store"
mount -t tmpfs -o size=16m old "$WORK/old"
mount -t tmpfs -o size=16m local "$LOCAL"
mount -t tmpfs -o size=32m store "$WORK/store"
box_start box 2222 "$WORK/store"
mkdir -p "$WORK/store/jobs/$JOB"

# used PATH: percent, as a worker sees it.
used()
{
	df --output=pcent "$1" | tail -n 1 | tr -d ' %'
}
kib_of()
{
	df --output=size "$1" | tail -n 1 | tr -d ' '
}

say "the old set-up after a reboot, not bound: the worker makes the job's directory and crawls; all of it is on the root disk"
old_mount
mkdir -p "$OLD_JOBS/hc"
old_base_is_fine || fail "the base should be fine"
crawl old "$OLD_JOBS/$JOB"
assert_held OK 0 5000 old warc 100
let_go old
head -c 14M /dev/zero >"$OLD_JOBS/$JOB/rec-1.warc.gz"
assert_ge "$(used "$WORK/old")" 85 "percent of the root disk"
assert_eq "$(find "$WORK/store/jobs" -type f)" '' "what is on the storage"
old_end

say "guardfs not mounted, the mountpoint as migrate-from-binds makes it: the crawl fails hard, whoever runs it"
mkdir "$MNT"
chmod 0000 "$MNT"
immutable=yes
chattr +i "$MNT" || immutable=no # not every file system can; then it is the mode alone, which does not stop root
trap 'rc=$?; set +e; [[ $GUARDIAN == 0 ]] || umount -l "$MNT"; chattr -i "$MNT"; (exit $rc); at_exit' EXIT
worker=(setpriv --reuid=1000 --regid=1000 --groups=999)
for path in "$JOB" "$LATER" imports/one .writable_test_1; do
	assert_exit 1 'Permission denied' "${worker[@]}" mkdir -p "$MNT/$path"
	[[ $immutable == no ]] || assert_exit 1 'Operation not permitted' mkdir -p "$MNT/$path"
done
[[ $immutable == no ]] || assert_op EPERM 0 1000 create "$MNT/file"
assert_eq "$(find "$MNT")" "$MNT" "what is there"
assert_eq "$(findmnt -n -o FSTYPE -T "$MNT" | grep -c guardfs)" 0 "mounts of guardfs"

say "mounted: an annual job's directory is made on the storage, imports and the like are local"
conf_begin
conf_box box 'uid = 1000' 'gid = 999' 'umask = 0027'
conf tier 'pattern = */[0-9]*__*-[0-9][0-9][0-9][0-9]0101 = box:jobs/'
conf jobs 'pattern = */[0-9]*__*'
start_guardfs
wait_healthy
mkdir -p "$MNT"/{hc,phac,cihr,imports} # hc is there: what the storage has of annual jobs is found at connecting
chmod 0777 "$MNT"/{hc,phac,cihr,imports}
"${worker[@]}" mkdir -p "$MNT/$JOB" "$MNT/$LATER"
crawl worker "$MNT/$LATER"
assert_held OK 0 5000 worker warc 5
assert_held OK 0 5000 worker state
let_go worker
assert_acknowledged worker "$WORK/store/jobs/$LATER"
echo import >"$MNT/imports/file"
assert_content "$LOCAL/imports/file" import
assert_no_trace "$LOCAL" '20*__*0101'

say "never on the local tier while the storage is away: not its directory, not what is in it, not after a restart"
box_kill
wait_down
nothing_lands()
{
	assert_op EIO 0 1000 mkdir "$MNT/$EARLY"
	assert_exit 1 'Input/output error' mkdir -p "$MNT/$EARLY/.tmp1"
	assert_op EIO 0 1000 create "$MNT/$JOB/file"
	assert_op EIO 0 1000 mkdir "$MNT/$JOB/warcs"
	assert_no_trace "$LOCAL" '20*__*0101'
}
nothing_lands
stop_guardfs
[[ $immutable == no ]] || assert_exit 1 'Operation not permitted' mkdir -p "$MNT/$EARLY"
start_guardfs
wait_down
nothing_lands
box_restart
wait_healthy
assert_op OK 0 2000 mkdir "$MNT/$EARLY"
[[ -d $WORK/store/jobs/$EARLY ]] || fail "not on the storage"

say "whoever asks is told: findmnt and df name guardfs, and never the root disk's device; the tier is an attribute, and in guardctl tiers"
for path in "$MNT" "$MNT/$JOB" "$MNT/imports/file"; do
	assert_eq "$(findmnt -n -o TARGET,SOURCE,FSTYPE -T "$path" | xargs)" "$MNT guardfs:test fuse.guardfs" "findmnt -T"
	assert_eq "$(df --output=source "$path" | tail -n 1)" guardfs:test "df's source"
done
assert_eq "$(getfattr --absolute-names --only-values -n user.guardfs.tier "$MNT/$JOB")" box "tier of the annual job"
assert_eq "$(getfattr --absolute-names --only-values -n user.guardfs.tier "$MNT/imports")" local "tier of the imports"
assert_exit 0 "$JOB" ctl tiers
say "du -x above the mount leaves it out; in it, it counts what lies on both tiers"
# The work directory, without the disks in it.
mkdir "$MNT/$JOB/warcs"
head -c 10M /dev/urandom >"$MNT/$JOB/warcs/one"
head -c 2M /dev/urandom >"$MNT/imports/one"
assert_le "$(du -sxm "$WORK" | cut -f1)" 5 "MiB of the work directory"
assert_ge "$(du -sxm --apparent-size "$MNT" | cut -f1)" 12 "MiB of the archive"
assert_eq "$(du -sxm --apparent-size "$MNT/$JOB/warcs/one" | cut -f1)" 10 "MiB of a file on the storage"
assert_le "$(du -sxm "$LOCAL" | cut -f1)" 3 "MiB of the local tier"

say "df: the archive's root is the local tier, a job on the storage is the storage"
wait_value 5000 used "$MNT/$JOB" -ge 30 # figures of the last look at it
assert_eq "$(kib_of "$MNT")" "$(kib_of "$LOCAL")" "size of the archive's root"
assert_eq "$(kib_of "$MNT/imports")" "$(kib_of "$LOCAL")" "size of a local directory"
assert_eq "$(kib_of "$MNT/$JOB")" "$(kib_of "$WORK/store")" "size of a job on the storage"
say "the local tier fills: the gates see it, and the crawl on the storage goes on"
head -c 13M /dev/zero >"$MNT/imports/two"
assert_ge "$(used "$MNT")" 88 "percent of the archive's root"
assert_le "$(used "$MNT/$JOB")" 84 "percent of a job on the storage"
assert_exit 1 'No space left' dd if=/dev/zero "of=$MNT/imports/three" bs=1M count=8
head -c 1M /dev/urandom >"$MNT/$JOB/warcs/two"
rm "$MNT"/imports/{two,three}
assert_le "$(used "$MNT")" 84 "percent of the archive's root"
say "the storage fills: seen there, and there alone; what does not fit fails and lands nowhere else"
head -c 18M /dev/zero >"$MNT/$JOB/warcs/three"
wait_value 5000 used "$MNT/$JOB" -ge 88
assert_le "$(used "$MNT")" 84 "percent of the archive's root"
assert_exit 1 'No space left' dd if=/dev/zero "of=$MNT/$JOB/warcs/four" bs=1M count=8
assert_no_trace "$LOCAL" four
say "and while it is away the gates have what was last known"
before=$(used "$MNT/$JOB")
box_kill
wait_down
assert_eq "$(timeout 2 df --output=pcent,size "$MNT/imports" | tail -n 1 | xargs)" "$(used "$LOCAL")% $(kib_of "$LOCAL")" "the local tier"
assert_op OK 0 1000 statvfs "$MNT"
assert_eq "$(timeout 2 stat -f -c %b "$MNT/$EARLY" 2>&1 || true)" "$(stat -f -c %b "$WORK/store")" "blocks of the storage, as last known"
echo "before: $before %"
stop_guardfs
box_kill
[[ $immutable == no ]] || chattr -i "$MNT"
umount "$WORK/old" "$LOCAL" "$WORK/store"
