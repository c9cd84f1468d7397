# A rename that the server makes, and of which the answer is lost with the connection: its caller is told of an error, and both the file that was replaced and the one
# renamed are open. Whatever is written through them afterwards never comes to another file than theirs, and what is refused is told.
# types: sshfs sftp
# limit: 60
. "$REPO/tests/lib/lib.sh"

# lose RENAMED: the answer to the rename of which the request has this text.
lose()
{
	epoch=$(backend_field box epoch)
	echo "rename answer $1" >"$WORK/rule.new"
	mv "$WORK/rule.new" "$WORK/rule"
}

is_lost()
{
	[[ -e $WORK/rule.done ]] || fail "the answer was not lost"
	rm "$WORK/rule.done"
	wait_value 10000 backend_field box epoch -gt "$epoch"
	wait_healthy
}

# Both files, one open as each of three kinds.
begin()
{
	echo old >"$SERVER/published"
	echo "new, and longer than what it replaces" >"$SERVER/next"
	hold replaced append "$COLD/published"
	hold reader read "$COLD/published"
	hold renamed append "$COLD/next"
	assert_held OK 0 5000 replaced append +replaced
	assert_held OK 0 5000 renamed append +renamed
}

end()
{
	let_go replaced
	let_go reader
	let_go renamed
	rm -f "$SERVER"/published "$SERVER"/next
}

is_suspect()
{
	cut -f 10 "$MNT/.guardfs/suspects" | grep -Fqx "cold/$1"
}

setup_one_box
sed -i '/^\[recovery\]/a recoveries_per_hour = 0\nrecoveries_per_day = 0\nflap_count = 0' "$CONF"
sed -i "s|^\(\s*Subsystem sftp\) .*|\1 /usr/bin/python3 -B $REPO/tests/lib/lossy-server.py $WORK/box/data $WORK/rule|" "$WORK/box/sshd_config"
box_kill
box_restart
start_guardfs
wait_healthy

say "one file over another"
begin
lose /next
assert_op EIO 0 10000 rename "$COLD/next" "$COLD/published"
is_lost
assert_held EIO 0 5000 replaced append wrong
assert_held EIO 0 5000 replaced fsync
assert_held EIO 0 5000 reader read
assert_held EIO 0 5000 renamed append wrong
assert_held EIO 0 5000 renamed fsync
assert_content "$SERVER/published" $'new, and longer than what it replaces\n+renamed'
assert_content "$COLD/published" $'new, and longer than what it replaces\n+renamed'
assert_missing "$COLD/next"
wait_until 5000 is_suspect published
wait_until 5000 is_suspect next
end

say "somebody makes a file by the old name before the one renamed is used"
begin
lose /next
assert_op EIO 0 10000 rename "$COLD/next" "$COLD/published"
is_lost
echo "of somebody else, and longer than the other one" >"$COLD/next"
assert_held EIO 0 5000 renamed append wrong
assert_held EIO 0 5000 replaced append wrong
assert_content "$SERVER/next" "of somebody else, and longer than the other one"
assert_content "$SERVER/published" $'new, and longer than what it replaces\n+renamed'
end

say "a directory, with a file open in it; another one is made by its name"
mkdir "$SERVER/dir"
echo mine >"$SERVER/dir/file"
hold inside append "$COLD/dir/file"
assert_held OK 0 5000 inside append +inside
lose /dir
assert_op EIO 0 10000 rename "$COLD/dir" "$COLD/moved"
is_lost
mkdir "$COLD/dir"
echo "of somebody else, and longer than the other one" >"$COLD/dir/file"
assert_held EIO 0 5000 inside append wrong
assert_content "$SERVER/dir/file" "of somebody else, and longer than the other one"
assert_content "$SERVER/moved/file" $'mine\n+inside'
let_go inside

say "where callers have patience the rename is found to be made, and the file renamed is gone on with by its new name"
stop_guardfs
sed -i 's/^patience = .*/patience = 20000ms/; s/^metadata = .*/metadata = 15000ms/' "$CONF"
start_guardfs
wait_healthy
begin
lose /next
assert_op OK 0 15000 rename "$COLD/next" "$COLD/published"
is_lost
assert_held OK 0 5000 renamed append +more
assert_held EIO 0 5000 replaced append wrong
assert_held EIO 0 5000 reader read
assert_content "$SERVER/published" $'new, and longer than what it replaces\n+renamed+more'
assert_missing "$SERVER/next"
end
