# What a rewriting of a state file puts beside it: nobody else can have made it, and it lets in whom the file let in, nobody else. And
# what is written over the file itself, because nothing can be put beside it.
# limit: 120
# long: rewriting under each of several owners and rights, over restarts
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/state/writers.bash"

FILE=.archive_state.json
DEADLINE_METADATA=2000 DEADLINE_WRITE=2000 DEADLINE_SYNC=2000 PROBE_INTERVAL=500 BACKOFF_MAX=400

suspects()
{
	ctl suspects --json | jq length
}

no_leftover()
{
	assert_eq "$(find "$SERVER" -name '*.guardfs-*')" "" "files left beside"
}

# rewritten TEXT
rewritten()
{
	echo "$1" >"$COLD/$FILE"
	assert_content "$SERVER/$FILE" "$1"
	no_leftover
}

setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store

say "its names are nobody else's"
name=.$FILE.guardfs-0123456789abcdef
assert_fails mkdir "$COLD/$name"
assert_fails touch "$COLD/$name"
assert_fails ln -s /etc/passwd "$COLD/$name"
assert_fails mkfifo "$COLD/$name"
echo other >"$COLD/other"
assert_fails mv "$COLD/other" "$COLD/$name"
assert_fails ln "$COLD/other" "$COLD/$name"
echo left >"$SERVER/$name"
assert_content "$COLD/$name" left
rm "$COLD/$name"

say "any number of them goes with its directory, unless something else is in it"
mkdir "$COLD/dir"
touch "$SERVER/dir/".{1..100}.json.guardfs-0123456789abcdef "$SERVER/dir/other"
assert_fails rmdir "$COLD/dir"
assert_eq "$(find "$SERVER/dir" -type f | wc -l)" 101 "files"
rm "$COLD/dir/other"
rmdir "$COLD/dir"
assert_missing "$SERVER/dir"

say "a default ACL that the file has not"
echo former >"$COLD/$FILE"
chmod 640 "$COLD/$FILE"
setfacl -d -m user:1234:rw "$SERVER"
rewritten new
assert_eq "$(getfacl -cpE "$SERVER/$FILE" | tr '\n' ' ')" "user::rw- group::r-- other::---  "
setfacl -m user:1235:r "$SERVER/$FILE"
before=$(getfacl -cpE "$SERVER/$FILE")
rewritten newer
assert_eq "$(getfacl -cpE "$SERVER/$FILE")" "$before"
setfacl -k "$SERVER"

say "no room for owner, mode or attributes: an error, and not in place"
rm "$COLD/$FILE"
echo former >"$COLD/$FILE"
chown 1234 "$COLD/$FILE"
setfattr -n user.kind -v state "$COLD/$FILE"
for step in setxattr create; do
	begin a "$COLD/$FILE"
	tell a write new
	fault "$step error ENOSPC"
	assert_eq "$(ask a close)" ENOSPC
	fault ''
	end a
	assert_content "$SERVER/$FILE" former
	no_leftover
done

say "in place: what is answered late is not begun"
rm "$COLD/$FILE"
echo former >"$COLD/$FILE"
begin a "$COLD/$FILE"
tell a write new
ln "$SERVER/$FILE" "$SERVER/link"
fault "lookup delay 3000 path=$FILE count=1"
assert_eq "$(ask a close)" EIO
sleep 1.5 # sleep-ok: until the delay is over
fault ''
wait_healthy store
assert_content "$SERVER/link" former
end a
rm "$SERVER/link"
assert_eq "$(suspects)" 0 "suspects"

say "in place: what fails in its midst is suspect, and the version is on the local disk"
begin a "$COLD/$FILE"
tell a write new
fault "write error ENOSPC path=$FILE"
ln "$SERVER/$FILE" "$SERVER/link"
assert_eq "$(ask a close)" ENOSPC
fault ''
end a
wait_value 5000 suspects == 1
wait_value 5000 ctl generations "cold/$FILE" --show 1 == new
stop_guardfs
rm -rf "$RUN" "$STATE" "$LOCAL"

say "an owner and a mode that are presented"
for type in dir sshfs sftp; do
	if [[ $type == dir ]]; then
		rm -rf "$WORK/store"
		setup_dir 'uid = 1234' 'umask = 007'
	else
		TYPE=$type setup_one_box 'uid = 1234' 'umask = 007'
	fi
	start_guardfs
	if [[ $type == dir ]]; then wait_healthy store; else wait_healthy; fi
	echo former >"$SERVER/$FILE"
	chmod 600 "$SERVER/$FILE"
	inode=$(stat -c %i "$SERVER/$FILE")
	assert_eq "$(stat -c '%u %a' "$COLD/$FILE")" "1234 770"
	rewritten new
	assert_eq "$(stat -c '%a' "$SERVER/$FILE")" 600 "mode on the server, $type"
	[[ $(stat -c %i "$SERVER/$FILE") != "$inode" ]] || fail "it was written in place"
	stop_guardfs
	[[ $type == dir ]] || { box_kill; rm -rf "$WORK/box"; }
	rm -rf "$RUN" "$STATE" "$LOCAL"
done
