# A log that is rotated over sshfs, where storage has no inode numbers: whoever follows it by name (tail -F, log shippers) sees by the
# number that another file stands there, as on any file system and on raw sshfs. What has not changed its place keeps its number, over a restart too.
# types: sshfs sftp
# limit: 120
# long: six logs rotated under tail -F, a restart and a worker's death
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo old >"$SERVER/unchanged"
start_guardfs
wait_healthy

renamed()
{
	mv "$1" "$1.1"
	: >"$1"
}

replaced()
{
	: >"$1.new"
	mv "$1.new" "$1"
}

removed()
{
	rm "$1"
	: >"$1"
}

# follow HOW DIRECTORY: rotates a log twice under a tail -F; it must show a line of each file.
follow()
{
	local log=$2/$1.log line

	echo begin >"$log"
	tail -n 0 -F -s 0.05 "$log" >"$WORK/$1.seen" 2>/dev/null &
	echo $! >"$WORK/tail.pid"
	for line in first second third; do
		wait_until 5000 shows_line "$log" "$line" "$WORK/$1.seen"
		"$1" "$log"
	done
	kill "$(cat "$WORK/tail.pid")"
	rm "$WORK/tail.pid" "$WORK/$1.seen"
}

# Until tail has come to the file.
shows_line()
{
	echo "$2" >>"$1"
	grep -q "$2" "$3"
}

raw_begin
mkdir "$WORK/box/data/raw-logs"
for how in renamed replaced removed; do
	say "a log that is $how: sshfs alone, guardfs"
	follow "$how" "$RAW/raw-logs"
	follow "$how" "$COLD"
done
raw_end

numbers()
{
	python3 - "$COLD" <<'END'
import os, sys

listed = {e.name: e.inode() for e in os.scandir(sys.argv[1])}
known = {name: os.lstat(os.path.join(sys.argv[1], name)).st_ino for name in listed}
assert listed == known, (listed, known)
assert len(set(known.values())) == len(known), known
print(known["unchanged"], known.get("directory"), known.get("moved"))
END
}

say "numbers: one each, the same in listings, and of an open file whatever becomes of its name"
mkdir "$COLD/directory"
before=$(numbers)
exec 5<"$COLD/renamed.log"
number=$(stat -Lc %i /proc/self/fd/5)
mv "$COLD/renamed.log" "$COLD/elsewhere"
echo another >"$COLD/renamed.log"
assert_eq "$(stat -c %i "$COLD/elsewhere")" "$number" "its number after a rename"
numbers >"$WORK/with-open"
rm "$COLD/elsewhere"
assert_eq "$(stat -Lc %i /proc/self/fd/5)" "$number" "its number without a name"
numbers >"$WORK/with-open"
exec 5<&-

say "and after a restart"
stop_guardfs
start_guardfs
wait_healthy
assert_eq "$(numbers)" "$before" "numbers of what has not changed its place"

say "a worker dies: what moved before it keeps its number, and nobody else is given that"
exec 5<"$COLD/unchanged"
number=$(stat -Lc %i /proc/self/fd/5)
mv "$COLD/unchanged" "$COLD/moved"
worker=$(process_pid worker)
kill -9 "$worker"
wait_value 5000 process_pid worker != "$worker"
echo another >"$COLD/unchanged"
assert_eq "$(stat -c %i "$COLD/moved")" "$number" "its number"
assert_ne "$(stat -c %i "$COLD/unchanged")" "$number" "the number of what stands in its place"
numbers >/dev/null
