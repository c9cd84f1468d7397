# Files made one after the other in a directory of a guarded tier: the directory's own attributes cost no round trip each, and a
# stat shows the time of the last file all the same, as does one after a removal.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"
box_start box 2222
relay_start far 2300 2222
mkdir -p "$WORK/box/data/jobs/made"
conf_begin
PORT=2300 conf_box box
conf_tier box/jobs/made made
start_guardfs
wait_healthy box
mkdir "$MNT/made/dir"
dir=$WORK/box/data/jobs/made/dir
touch -d '2001-02-03 04:05:06 UTC' "$MNT/made/dir"
assert_eq "$(stat -c %Y "$MNT/made/dir" "$dir" | uniq)" 981173106 "the time set"
echo 1 >"$MNT/made/dir/1"
assert_eq "$(stat -c %Y "$MNT/made/dir")" "$(stat -c %Y "$dir")" "the directory's time after a file was made"
echo 2 >"$MNT/made/dir/2"
assert_eq "$(stat -c '%Y %a %u %h' "$MNT/made/dir")" "$(stat -c '%Y %a %u' "$dir") 1" "the directory's attributes after the second"
chmod 0700 "$MNT/made/dir"
assert_eq "$(stat -c %a "$MNT/made/dir")" 700 "its mode after it was changed"
touch -d '2001-02-03 04:05:06 UTC' "$MNT/made/dir"
assert_eq "$(stat -c %Y "$MNT/made/dir")" 981173106 "its time after it was set"
rm "$MNT/made/dir/1"
assert_eq "$(stat -c %Y "$MNT/made/dir")" "$(stat -c %Y "$dir")" "its time after a file was removed"
mkdir "$MNT/made/dir/sub"
touch -d '2001-02-03 04:05:06 UTC' "$dir"
# sshfs keeps attributes of directories for 10 s.
wait_value 15000 stat -c %Y "$MNT/made/dir" -eq 981173106

# How long an open takes that makes a file, in milliseconds: the least of several, since a busy machine only adds to it; the path is known.
made_ms()
{
	python3 - "$MNT/made/dir" "$1" <<-'P'
	import os, sys, time
	took = []
	for i in range(9):
	    start = time.monotonic()
	    fd = os.open("%s/%s-%d" % (sys.argv[1], sys.argv[2], i), os.O_CREAT | os.O_WRONLY)
	    took.append((time.monotonic() - start) * 1000)
	    os.close(fd)
	print(round(min(took)))
	P
}

relay far delay 50
took=$(made_ms far)
# Three round trips: is there such a name, make it, look at it.
assert_le "$took" 380 "milliseconds to make a file over a round trip of 100"
