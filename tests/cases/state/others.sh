# What others do with a state file while a version is being published: they remove it, move it, rename over it, read it.
# limit: 120
# long: closes of state files that are held up while others come, and their deadlines
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/state/writers.bash"

FILE=.archive_state.json
DEADLINE_METADATA=5000 DEADLINE_WRITE=2000 DEADLINE_SYNC=2000 PROBE_INTERVAL=500 BACKOFF_MAX=400

is_being_made()
{
	(($(backend_field store inflight) > 0))
}

# publish_slowly: a writes a version, closes it, and the file beside is being made.
publish_slowly()
{
	echo former >"$COLD/$FILE"
	begin a "$COLD/$FILE"
	tell a write new
	fault 'create delay 1000 path=.*guardfs* count=1'
	echo close >"$WORK/a.in"
	wait_until 3000 is_being_made
}

published()
{
	wait_until 5000 has_more_lines "$WORK/a.out" 2
	assert_eq "$(tail -n 1 "$WORK/a.out")" ok
	fault ''
	end a
}

# memories: how many memfds of versions worker has, whatever the number of descriptors.
memories()
{
	find -L /proc/"$(process_pid worker)"/fd -printf '%p %i\n' 2>/dev/null | while read -r path inode; do
		[[ $(readlink "$path") != *guardfs-version* ]] || echo "$inode"
	done | sort -u | wc -l
}

setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store

say "it is removed meanwhile: it does not come back"
publish_slowly
rm "$COLD/$FILE"
published
assert_missing "$SERVER/$FILE"
assert_missing "$COLD/$FILE"

say "it is moved meanwhile: the new version has the new name"
publish_slowly
mv "$COLD/$FILE" "$COLD/moved"
published
assert_missing "$SERVER/$FILE"
assert_content "$SERVER/moved" new
rm "$COLD/moved"

say "a rename over it whose caller was told of an error is not begun afterwards"
echo former >"$COLD/$FILE"
echo aside >"$COLD/aside"
fault 'fsync delay 3000 path=aside count=1'
assert_op EIO 1500 4000 rename "$COLD/aside" "$COLD/$FILE"
sleep 1.5 # sleep-ok: until the delay is over
fault ''
wait_healthy store
assert_content "$SERVER/$FILE" former
assert_content "$SERVER/aside" aside

say "readers keep one version, in one memory; one that storage could not read for a moment does so too"
seq -s , 1000 >"$COLD/$FILE"
before=$(cat "$COLD/$FILE")
for fd in {20..59}; do
	eval "exec $fd<\"\$COLD/\$FILE\""
	read -r -u $fd -N 10 first
done
begin a "$COLD/$FILE"
tell a write new
fault "read error EIO path=$FILE count=1"
finish a
fault ''
assert_content "$SERVER/$FILE" new
assert_eq "$(memories)" 1 "memories of versions"
for fd in {20..59}; do
	assert_eq "$first$(cat <&$fd)" "$before" "what a reader has"
	eval "exec $fd<&-"
done
wait_value 5000 memories == 0
assert_eq "$(ctl suspects --json | jq length)" 0 "suspects"
