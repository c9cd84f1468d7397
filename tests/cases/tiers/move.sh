# guardctl tier move: a job goes to a backend and comes back while its path stays and a reader goes on; hard links and holes
# survive; refused where it must be; nothing is changed by a dry run; the old copy goes when it is told to.
# limit: 120
# long: several moves there and back, each copied, compared and looked at for other programs' files
. "$REPO/tests/lib/lib.sh"

# Slow machines are no trouble here.
DEADLINE_METADATA=8000 DEADLINE_READ=8000 PROBE_TIMEOUT=8000
setup_one_box
mkdir -p "$WORK/box/data/jobs/hc/beside"
echo "$WORK/cold/box/jobs/hc/beside $MNT/hc/beside" >>"$WORK/manifest"
sed -i 's/^manifest.*/&\npattern = annual\/*-0101 = box:jobs\//' "$CONF"
conf jobs 'pattern = hc/*'
J=$LOCAL/hc/job BOX=$WORK/box/data/jobs/hc
mkdir -p "$J/collections/warc" "$LOCAL/plain" "$LOCAL/annual/x-0101"
head -c 3000000 /dev/urandom >"$J/collections/warc/a.warc.gz"
ln "$J/collections/warc/a.warc.gz" "$J/linked.warc.gz"
ln -s collections/warc/a.warc.gz "$J/symlink"
echo "a name" >"$J/ blank and \"quote\" äö"
truncate -s 20M "$J/sparse"
printf x | dd of="$J/sparse" bs=1 seek=5000000 conv=notrunc status=none
chmod 0640 "$J/linked.warc.gz"
chown -R 12:34 "$J/collections"
mkdir -m 0751 "$J/empty"
start_guardfs
wait_healthy

sums()
{
	(cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum; find . -printf '%P %y %m %U:%G %l\n' | sort)
}
BEFORE=$(sums "$J")
unchanged()
{
	assert_eq "$(sums "$MNT/hc/job")" "$BEFORE" "$1: what the path shows"
}

no_writers()
{
	[[ $(status '[.jobs[].writers] | add // 0') == 0 ]]
}

say "refused"
refused()
{
	assert_exit "$1" "$2" ctl tier move "${@:3}"
	assert_missing "$STATE/moves/"*.list
	assert_missing "$BOX/job"
}
refused 100 'no backend' hc/job --to nowhere
refused 100 'does not lie below' ../../etc --to box
refused 100 'does not lie below' /etc --to box
refused 100 'no job' .guardfs/backends --to box
refused 100 'no blanks' "hc/a b" --to box
refused 100 'no blanks' hc/job --to "box:a b"
refused 100 'is no rate' hc/job --to box --bwlimit fast
refused 100 'give one of' hc/job --to box --abort
assert_exit 100 'only tier move' ctl tier remove cold --abort
refused 1 'on the local tier already' hc/job --to local
refused 1 'on box already' hc/beside --to box
refused 1 'lies in it' hc --to box
refused 1 'lies above it' hc/beside/x --to box
refused 1 'has something at' hc/job --to box:jobs/cold
refused 1 'no move is under way' hc/job --abort
refused 1 'no move is under way' hc/job --discard-old
assert_exit 0 'no move is under way' ctl tier move hc/job
hold writer append "$MNT/hc/job/linked.warc.gz"
refused 1 'process .*open for writing.*is in use' hc/job --to box
let_go writer
say "... also one in a namespace of its own that sees the job elsewhere, one that has the file only mapped, and one that has sent it away"
mkdir "$WORK/output"
export MNT WORK
unshare -m bash -c 'mount --bind "$MNT/hc" "$WORK/output" && exec 5>>"$WORK/output/job/linked.warc.gz" && touch "$WORK/has" && exec tail -f /dev/null' &
echo $! >"$WORK/container.pid"
wait_until 10000 test -e "$WORK/has"
refused 1 "open for writing $WORK/output/job/linked" hc/job --to box
kill "$(cat "$WORK/container.pid")"
wait "$(cat "$WORK/container.pid")" || true
rm "$WORK/has" "$WORK/container.pid"
python3 -c '
import mmap, os, sys, signal
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 4096)
os.closerange(3, 256) # mmap keeps a descriptor of its own
open(sys.argv[2], "w").close()
signal.pause()' "$MNT/hc/job/linked.warc.gz" "$WORK/has" &
echo $! >"$WORK/mapper.pid"
wait_until 10000 test -e "$WORK/has"
refused 1 "has mapped for writing $MNT/hc/job/linked" hc/job --to box
kill "$(cat "$WORK/mapper.pid")"
wait "$(cat "$WORK/mapper.pid")" || true
rm "$WORK/has" "$WORK/mapper.pid"
python3 -c '
import os, signal, socket, sys
a, b = socket.socketpair()
f = os.open(sys.argv[1], os.O_WRONLY)
socket.send_fds(a, [b"x"], [f])
os.close(f)
open(sys.argv[2], "w").close()
signal.pause()' "$MNT/hc/job/linked.warc.gz" "$WORK/has" &
echo $! >"$WORK/sender.pid"
wait_until 10000 test -e "$WORK/has"
refused 1 "1 files of job hc/job are open for writing, by guardfs's own count" hc/job --to box
kill "$(cat "$WORK/sender.pid")"
wait "$(cat "$WORK/sender.pid")" || true
rm "$WORK/sender.pid"
wait_until 10000 no_writers
mkfifo "$J/pipe"
refused 1 'pipe is a socket, a pipe' hc/job --to box --dry-run
refused 1 'pipe is a socket, a pipe' hc/job --to box
assert_exit 0 'no move is under way' ctl tier move hc/job
rm "$J/pipe"
mkdir "$WORK/elsewhere"
mount --bind "$MNT/hc/job" "$WORK/elsewhere"
refused 1 'has the job mounted at' hc/job --to box
umount "$WORK/elsewhere"

say "a dry run says what it would do"
find "$LOCAL" "$STATE" "$WORK/box/data" -printf '%p %T@\n' | sort >"$WORK/tree"
ctl tier move hc/job --to box --dry-run >"$WORK/said"
grep -q "^+$WORK/cold/box/jobs/hc/job $MNT/hc/job$" "$WORK/said" || fail "$(cat "$WORK/said")"
find "$LOCAL" "$STATE" "$WORK/box/data" -printf '%p %T@\n' | sort | grep -v 'journal\|history' | cmp - <(grep -v 'journal\|history' "$WORK/tree") || fail "a dry run changed something"

say "to the backend, beside its neighbour, while a reader goes on"
hold reader read "$MNT/hc/job/linked.warc.gz"
ctl tier move hc/job --to box --bwlimit 100M >"$WORK/said" || fail "$(cat "$WORK/said")"
grep -q "is on box: 4 files.*verified by SHA-256" "$WORK/said" || fail "$(cat "$WORK/said")"
assert_match "$(held reader read 0)" '^OK'
unchanged "on the box"
assert_eq "$(getfattr --only-values -n user.guardfs.tier "$MNT/hc/job")" box tier
assert_eq "$(sums "$BOX/job")" "$BEFORE" "what the box has"
assert_eq "$(stat -c %i "$BOX/job/linked.warc.gz")" "$(stat -c %i "$BOX/job/collections/warc/a.warc.gz")" "hard link on the box"
assert_le "$(stat -c %b "$BOX/job/sparse")" 2000 "blocks of the sparse file"
assert_missing "$J"
assert_exit 0 'done.*leads to box' ctl tier move hc/job
assert_eq "$(ctl tier move hc/job --json | jq -c '[.step, .leads_to, .old.whole, .new.whole, .files]')" '["done","box",true,true,4]' json
assert_exit 1 'old copy of the move before' ctl tier move hc/job --to local
assert_exit 0 'finished' ctl tier move hc/job --to box

say "the old copy goes only if it is what was compared"
OLD=$(ctl tier move hc/job --json | jq -r .old.path)
echo late >"$OLD/late"
assert_exit 1 'late is new' ctl tier move hc/job --discard-old
[[ -f $OLD/late ]] || fail "the late file is gone"
rm "$OLD/late"
assert_exit 0 'removed' ctl tier move hc/job --discard-old
assert_missing "$OLD"
assert_match "$(held reader read 0)" '^OK'
let_go reader
unchanged "without the old copy"

say "and back"
hold reader read "$MNT/hc/job/symlink"
ctl tier move "$MNT/hc/job/" --to local >"$WORK/said" || fail "$(cat "$WORK/said")"
assert_match "$(held reader read 0)" '^OK'
let_go reader
unchanged "on the local tier"
assert_eq "$(sums "$J")" "$BEFORE" "what the local tier has"
assert_eq "$(stat -c %i "$J/linked.warc.gz")" "$(stat -c %i "$J/collections/warc/a.warc.gz")" "hard link made again"
assert_le "$(stat -c %b "$J/sparse")" 2000 "blocks of the sparse file"
assert_eq "$(grep -c hc/job "$WORK/manifest")" 0 "lines"
assert_eq "$(sums "$BOX/job")" "$BEFORE" "the old copy"
assert_exit 0 'removed' ctl tier move hc/job --discard-old
assert_missing "$BOX/job"
unchanged "at the end"
assert_eq "$(find "$LOCAL" "$WORK/box/data" -name '.guardfs-*' ! -name .guardfs-id)" '' "left behind"
assert_eq "$(find "$STATE/moves" -type f ! -name '*.lock')" '' "left behind"

say "a job that a pattern leads there anyway"
echo x >"$LOCAL/annual/x-0101/file"
ctl tier move annual/x-0101 --to box >"$WORK/said" || fail "$(cat "$WORK/said")"
assert_content "$MNT/annual/x-0101/file" x
assert_content "$WORK/box/data/jobs/annual/x-0101/file" x
assert_exit 0 'removed' ctl tier move annual/x-0101 --discard-old
assert_exit 1 'a pattern of' ctl tier move annual/x-0101 --to local
