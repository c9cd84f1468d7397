# guardctl tier move carries what a job has: links that go up or are absolute, times of 1970, and back again. What the destination cannot
# hold is told before anything is begun, by --dry-run as well.
. "$REPO/tests/lib/lib.sh"

setup_one_box
box_start shut 2223
conf_box shut 'contain_links = yes'
J=$LOCAL/job
mkdir -p "$J/dir"
head -c 100000 /dev/urandom >"$J/rec.warc.gz"
echo old >"$J/epoch"
ln -s ../../other/rec.warc.gz "$J/dir/up"
ln -s /etc/hostname "$J/absolute"
ln -s dir "$J/inside"
touch -d @0 "$J/epoch"
touch -d @0 "$J/dir"
start_guardfs
wait_healthy
wait_healthy shut
cp -a "$J" "$WORK/before"

say "what cannot be held is named, and nothing is begun"
for dry in '' --dry-run; do
	assert_exit 1 'absolute: a symbolic link.*dir/up: a symbolic link.*shut cannot hold 2 of what .*/job has' ctl tier move job --to shut $dry
	assert_exit 0 'no move is under way' ctl tier move job
done
touch -d '1965-01-01' "$J/before-1970"
assert_exit 1 'before-1970: its time lies before 1970.*box cannot hold 1 of what' ctl tier move job --to box --dry-run
assert_exit 1 'before-1970: its time lies before 1970' ctl tier move job --to box
rm "$J/before-1970"
assert_eq "$(find "$WORK/box/data" "$WORK/shut/data" -name '.guardfs-move*')" '' "left behind"

say "the rest goes there"
assert_exit 0 'would be copied' ctl tier move job --to box --dry-run
assert_exit 0 'is on box: 2 files' ctl tier move job --to box
diff -r --no-dereference "$WORK/before" "$MNT/job"
assert_eq "$(stat -c %Y "$MNT/job/epoch")" 0 "the time of 1970"
assert_exit 0 removed ctl tier move job --discard-old

say "and back"
assert_exit 0 'is on local: 2 files' ctl tier move job --to local
diff -r --no-dereference "$WORK/before" "$J"
assert_eq "$(stat -c %Y "$J/epoch")" 0 "the time of 1970"
