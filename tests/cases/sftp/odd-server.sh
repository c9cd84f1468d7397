# Answers that OpenSSH's server never gives, or seldom: each is told as the error that it is, and none costs the connection.
# limit: 120
# long: a server that answers oddly in many ways, some of them waited for
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

# odd RULE...: see tests/lib/odd-server.py; none: the server is as any other.
odd()
{
	printf '%s\n' "$@" >"$WORK/rules.new"
	mv "$WORK/rules.new" "$WORK/rules"
}

setup_one_box
sed -i "s|^\(\s*Subsystem sftp\) .*|\1 python3 -B $REPO/tests/lib/odd-server.py $WORK/box/data $WORK/rules|" "$WORK/box/sshd_config"
box_kill
box_restart
echo text >"$SERVER/file"
seq 1 1000 >"$SERVER/numbers"
echo other >"$SERVER/other"
mkdir "$SERVER/dir" "$SERVER/endless"
ln -s nowhere "$SERVER/link"
start_guardfs
wait_healthy
epoch=$(backend_field box epoch)
ls -l "$COLD" >/dev/null

say "a file that was replaced is not the one that is cut when the open one cannot be"
hold writer write "$COLD/file"
mv "$SERVER/other" "$SERVER/file"
odd 'fsetstat * 4'
assert_held EIO 0 10000 writer truncate 0
odd
assert_content "$SERVER/file" other
let_go writer

say "nor is the file to which a link leads that has come in its place: on the server another one than here"
echo precious >"$WORK/box/data/precious"
python3 - "$COLD/numbers" "$SERVER/numbers" <<-'END'
	import os, sys
	os.stat(sys.argv[1])
	os.remove(sys.argv[2])
	os.symlink("../../precious", sys.argv[2])
	try:
	    os.truncate(sys.argv[1], 0)
	    sys.exit("truncated")
	except OSError as e:
	    print(e)
END
assert_content "$WORK/box/data/precious" precious
rm "$SERVER/numbers"

say "what a server refuses, or says as nobody else does, is no trouble of the connection"
odd 'symlink * 8' 'readlink * 5' 'lstat /file typeless'
assert_op EPERM 0 10000 symlink "$COLD/new-link" text
assert_op EINVAL 0 10000 readlink "$COLD/link"
assert_op EIO 0 10000 stat "$COLD/file"
odd 'readdir * 7'
assert_op EIO 0 10000 readdir "$COLD/dir"
odd 'readdir * nothing'
assert_op EIO 0 $((DEADLINE_METADATA - 100)) readdir "$COLD/endless"
odd
assert_content "$COLD/file" other

say "a listing does not speak for a server that folds case"
odd 'lstat /File lower'
assert_eq "$(python3 -c 'import os, sys; os.listdir(sys.argv[1]); print(os.stat(sys.argv[1] + "/File").st_size)' "$COLD")" 6
odd
assert_eq "$(backend_field box epoch)" "$epoch" "the epoch"
