# Storage refuses a step of publishing a state file: its writer is told, the former version stays whole, nothing is left beside, and the
# file is no suspect. Another try succeeds.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/state/writers.bash"

FILE=.archive_state.json

no_leftover()
{
	assert_eq "$(find "$SERVER" -name '*.guardfs-*')" "" "files left beside"
}

# refused WORD ERRNO RULE: a rewriting ends in ERRNO at WORD (sync, close).
refused()
{
	say "$3, at $1"
	echo former >"$COLD/$FILE"
	begin a "$COLD/$FILE"
	tell a write new
	fault "$3"
	assert_eq "$(ask a "$1")" "$2" "what the writer is told"
	assert_content "$SERVER/$FILE" former
	fault ''
	wait_healthy store
	if [[ $1 == sync ]]; then
		tell a sync
		assert_content "$SERVER/$FILE" new
		finish a
	else
		end a
		assert_content "$SERVER/$FILE" former
		assert_content "$COLD/$FILE" former
	fi
	no_leftover
}

setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store
for word in sync close; do
	refused $word ENOSPC 'create error ENOSPC'
	refused $word EDQUOT 'write error EDQUOT path=.*guardfs*'
	refused $word EIO 'fsync error EIO'
	refused $word EROFS 'rename error EROFS'
done

say "no file can be made beside it, or none like it: in place"
echo former >"$COLD/$FILE"
fault 'create error EACCES'
echo "in place" >"$COLD/$FILE"
fault ''
assert_content "$SERVER/$FILE" "in place"
chown 1234 "$COLD/$FILE"
fault 'setattr error EPERM'
echo "in place again" >"$COLD/$FILE"
fault ''
assert_content "$SERVER/$FILE" "in place again"

say "storage hangs at the rename: EIO at the deadline, and the former or the new one"
begin a "$COLD/$FILE"
tell a write new
fault 'rename hang'
assert_eq "$(ask a close)" EIO
fault ''
wait_healthy store
assert_match "$(cat "$SERVER/$FILE")" '^(in place again|new)$'
end a
echo last >"$COLD/$FILE"
assert_content "$SERVER/$FILE" last
no_leftover

say "a leftover is not listed, and goes with its directory, or with the next rewriting"
mkdir "$COLD/dir"
echo former >"$COLD/dir/$FILE"
echo half >"$SERVER/dir/.$FILE.guardfs-0123456789abcdef"
assert_eq "$(ls -A "$COLD/dir")" "$FILE"
rm -r "$COLD/dir"
assert_missing "$SERVER/dir"
assert_eq "$(ctl suspects --json | jq length)" 0 "suspects"
stop_guardfs
rm -rf "$RUN" "$STATE" "$LOCAL"

for TYPE in sshfs sftp; do
	say "$TYPE, and a server that cannot rename over a file: in place"
	setup_one_box
	sed -i 's/^\(\s*Subsystem sftp internal-sftp\)/\1 -P posix-rename,fsync,statvfs/' "$WORK/box/sshd_config"
	box_kill
	box_restart
	start_guardfs
	wait_until 15000 backend_is box healthy
	echo former >"$COLD/$FILE"
	for version in one two; do
		echo $version >"$COLD/$FILE"
		assert_content "$SERVER/$FILE" $version
		no_leftover
	done
	stop_guardfs
	box_kill
	rm -rf "$WORK/box" "$RUN" "$STATE" "$LOCAL"
done
