# Over sshfs each time is what was set, and what was not set stays: also the second 0, also if only one of the two is given.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy
raw_begin

# set_times FILE ATIME MTIME: seconds, "now" or "omit", as utimensat(2) takes them.
set_times()
{
	python3 "$REPO/tests/cases/guard/set-times.py" "$@"
}

# times FILE: atime and mtime on the server.
times()
{
	stat -c '%X %Y' "$SERVER/$1"
}

# fresh FILE: with times of its own, on the server.
fresh()
{
	echo content >"$SERVER/$1"
	touch -d @1577836800 "$SERVER/$1"
}

is_now()
{
	local now

	printf -v now '%(%s)T'
	(($1 >= now - 30 && $1 <= now + 2))
}

say "sshfs alone: what is omitted becomes now, and so does second 0"
fresh raw1
set_times "$RAW/jobs/cold/raw1" 1000 omit
is_now "$(stat -c %Y "$SERVER/raw1")" || fail "sshfs has been mended: $(times raw1)"
set_times "$RAW/jobs/cold/raw1" 0 0
is_now "$(stat -c %Y "$SERVER/raw1")" || fail "sshfs has been mended: $(times raw1)"
raw_end

say "one of the two; by name, by an open file, of a directory"
fresh one
mkdir "$COLD/dir"
touch -d @1577836800 "$COLD/dir"
for file in one dir; do
	set_times "$COLD/$file" 1000 omit
	assert_eq "$(times $file)" '1000 1577836800' "only atime of $file"
	set_times "$COLD/$file" omit 2000
	assert_eq "$(times $file)" '1000 2000' "only mtime of $file"
	set_times "$COLD/$file" now omit
	assert_eq "$(stat -c %Y "$SERVER/$file")" 2000 "mtime of $file after atime = now"
	is_now "$(stat -c %X "$SERVER/$file")" || fail "atime of $file: $(times $file)"
	set_times "$COLD/$file" omit now
	is_now "$(stat -c %Y "$SERVER/$file")" || fail "mtime of $file: $(times $file)"
	set_times "$COLD/$file" 3000 now
	is_now "$(stat -c %Y "$SERVER/$file")" || fail "mtime of $file: $(times $file)"
	assert_eq "$(stat -c %X "$SERVER/$file")" 3000 "atime of $file beside mtime = now"
	set_times "$COLD/$file" now now
	is_now "$(stat -c %X "$SERVER/$file")" || fail "atime of $file: $(times $file)"
done
fresh open
set_times --open "$COLD/open" 1000 omit
assert_eq "$(times open)" '1000 1577836800' "only atime, by the open file"
set_times --removed "$COLD/open" 1000 omit

say "touch -a, touch -d @0, cp -p"
fresh touched
touch -a "$COLD/touched"
assert_eq "$(stat -c %Y "$SERVER/touched")" 1577836800 "mtime after touch -a"
touch -d @0 "$COLD/touched"
assert_eq "$(times touched)" '0 0' "touch -d @0"
assert_eq "$(stat -c '%X %Y' "$COLD/touched")" '0 0' "as it is shown"
cp -p "$COLD/touched" "$COLD/copied"
assert_eq "$(stat -c %Y "$SERVER/copied")" 0 "mtime of what cp -p made"
touch -d @4294967295 "$COLD/touched"
assert_eq "$(times touched)" '4294967295 4294967295' "the last second"

say "the time that another client has just set is not put back"
fresh shared
stat "$COLD/shared" >/dev/null
touch -d @1600000000 "$SERVER/shared"
set_times "$COLD/shared" 1000 omit
assert_eq "$(times shared)" '1000 1600000000' "another client's mtime"

say "times that SFTP cannot tell are refused, and nothing is set"
fresh odd
assert_eq "$(set_times "$COLD/odd" omit -1)" ERANGE "the last second of 1969"
assert_eq "$(set_times "$COLD/odd" 4294967296 1000)" ERANGE "2106"
assert_eq "$(times odd)" '1577836800 1577836800' "times after it"

say "truncating keeps atime"
fresh cut
touch -a -d @5000 "$SERVER/cut"
truncate -s 2 "$COLD/cut"
assert_eq "$(stat -c '%X %s' "$SERVER/cut")" '5000 2' "atime and size of what was cut"

say "rsync -a, twice: the second has nothing to do"
mkdir "$WORK/source"
for i in 1 2 3; do
	echo "$i" >"$WORK/source/$i"
	touch -d @0 "$WORK/source/$i"
done
rsync -a "$WORK/source/" "$COLD/target/"
assert_eq "$(rsync -ai "$WORK/source/" "$COLD/target/")" '' "what a second rsync does"
backend_is box healthy probation || fail "state: $(backend_field box state)"
