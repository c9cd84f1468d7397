# A state file that is rewritten is on the server the former or the new one, whole, at every moment: it changes when its writer
# closes or syncs it, and not at all if the writer is killed. What is no rewriting, and no state file, is as ever.
# limit: 400
# long: everything in four settings, each with guardfs started anew
. "$REPO/tests/lib/lib.sh"

FILE=.archive_state.json

. "$REPO/tests/cases/state/writers.bash"

no_leftover()
{
	local found

	found=$(find "$SERVER" -name '*.guardfs-*')
	assert_eq "$found" "" "files left beside"
}

rewriting()
{
	say "nothing is seen before the close, nor half of it"
	echo former >"$COLD/$FILE"
	assert_content "$SERVER/$FILE" former
	begin a "$COLD/$FILE"
	tell a write new, first part
	assert_content "$SERVER/$FILE" former
	assert_content "$COLD/$FILE" former
	tell a write second part
	assert_eq "$(stat -c %s "$COLD/$FILE")" 7 "size before the close"
	finish a
	assert_content "$SERVER/$FILE" $'new, first part\nsecond part'
	assert_content "$COLD/$FILE" $'new, first part\nsecond part'
	assert_eq "$(stat -c %s "$COLD/$FILE")" 28 "size after it"
	no_leftover

	say "a reader keeps its version, another has the new one"
	exec 8<"$COLD/$FILE"
	read -r -N 5 begun <&8
	echo "third version" >"$COLD/$FILE"
	assert_eq "$begun$(cat <&8)" $'new, first part\nsecond part' "what the reader read"
	exec 8<&-
	assert_content "$COLD/$FILE" "third version"

	say "fsync makes it seen, and what is written afterwards is another version"
	python3 "$REPO/tests/cases/state/handle.py" "$COLD/$FILE" "$SERVER/$FILE"
	wait_until 5000 contains "THREE four" cat "$SERVER/$FILE"

	say "its writer is killed: the former one stays"
	for signal in KILL TERM SEGV; do
		begin a "$COLD/$FILE"
		tell a write half
		end a $signal
		assert_content "$SERVER/$FILE" "THREE four"
		begin a "$COLD/$FILE"
		end a $signal
		assert_content "$SERVER/$FILE" "THREE four"
	done

	say "a shell's ways: a program's output, several programs, nothing at all"
	seq 3 >"$COLD/$FILE"
	assert_content "$SERVER/$FILE" $'1\n2\n3'
	{
		/bin/echo first
		assert_content "$SERVER/$FILE" $'1\n2\n3'
		/bin/echo second
	} >"$COLD/$FILE"
	assert_content "$SERVER/$FILE" $'first\nsecond'
	: >"$COLD/$FILE"
	wait_until 5000 not test -s "$SERVER/$FILE"
	assert_content "$COLD/$FILE" ""
	no_leftover
}

names()
{
	say "what it is called, and what becomes of its name"
	mkdir "$COLD/job" "$COLD/job/inner"
	for file in "$FILE" job/inner/"$FILE" job/x.json; do
		echo former >"$COLD/$file"
		begin a "$COLD/$file"
		tell a write new
		assert_content "$SERVER/$file" former
		finish a
		assert_content "$SERVER/$file" new
	done
	for file in job/inner/x.json job/x.log x.json; do
		echo former >"$COLD/$file"
		begin a "$COLD/$file"
		tell a write new
		wait_until 5000 contains new cat "$SERVER/$file"
		finish a
	done
	begin a "$COLD/$FILE"
	tell a write moved
	mv "$COLD/$FILE" "$COLD/other"
	finish a
	assert_content "$SERVER/other" moved
	mv "$COLD/other" "$COLD/$FILE"
	begin a "$COLD/$FILE"
	tell a write removed
	rm "$COLD/$FILE"
	finish a
	assert_missing "$SERVER/$FILE"
	assert_missing "$COLD/$FILE"
	echo former >"$COLD/$FILE"
	begin a "$COLD/$FILE"
	tell a write mine
	echo aside >"$COLD/aside"
	mv "$COLD/aside" "$COLD/$FILE"
	finish a
	assert_content "$COLD/$FILE" aside

	say "two at once: the last to close is whole"
	begin a "$COLD/$FILE"
	begin b "$COLD/$FILE"
	tell a write a1
	tell b write b1
	tell a write a2
	finish b
	assert_content "$SERVER/$FILE" b1
	finish a
	assert_content "$SERVER/$FILE" $'a1\na2'
	no_leftover
	rm -rf "$COLD/job"
	assert_missing "$SERVER/job"
}

sizes()
{
	say "beyond its size it is no state file"
	head -c 900K /dev/zero | tr '\0' x >"$WORK/large"
	cat "$WORK/large" "$WORK/large" >"$WORK/larger"
	echo former >"$COLD/$FILE"
	cp "$WORK/large" "$COLD/$FILE"
	cmp "$WORK/large" "$SERVER/$FILE"
	cp "$WORK/larger" "$COLD/$FILE"
	cmp "$WORK/larger" "$SERVER/$FILE"
	cmp "$WORK/larger" "$COLD/$FILE"
	begin a "$COLD/$FILE"
	tell a write short
	wait_until 5000 contains short cat "$SERVER/$FILE"
	finish a
	cat "$WORK/larger" >"$COLD/$FILE"
	cmp "$WORK/larger" "$COLD/$FILE"
	echo end >"$COLD/$FILE"
	assert_content "$COLD/$FILE" end
}

conf_state()
{
	conf jobs 'pattern = cold/job'
}

for setting in 'sshfs through' 'sshfs behind' 'sftp through' 'sftp behind'; do
	say "== $setting"
	TYPE=${setting% *} setup_one_box "durability = ${setting#* }"
	conf_state
	start_guardfs
	wait_healthy
	rewriting
	names
	sizes
	stop_guardfs
	box_kill
	rm -rf "$WORK/box" "$RUN" "$STATE" "$LOCAL"
done
say "== a directory"
setup_dir
conf_state
start_guardfs
wait_healthy store
rewriting
names
sizes
say "owner, mode and attributes are carried over; what has another name is written in place"
echo former >"$COLD/$FILE"
chmod 640 "$COLD/$FILE"
chown 1234:2345 "$COLD/$FILE"
setfattr -n user.kind -v state "$COLD/$FILE"
echo new >"$COLD/$FILE"
assert_content "$SERVER/$FILE" new
assert_eq "$(stat -c '%a %u:%g' "$SERVER/$FILE")" "640 1234:2345"
assert_eq "$(stat -c '%a %u:%g' "$COLD/$FILE")" "640 1234:2345"
assert_eq "$(getfattr --only-values -n user.kind "$SERVER/$FILE")" state
ln "$COLD/$FILE" "$COLD/link"
begin a "$COLD/$FILE"
tell a write both
finish a
assert_content "$SERVER/link" both
assert_content "$SERVER/$FILE" both
