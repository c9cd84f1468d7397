# What SFTP can do and sshfs does not: times, names of files that are open, exclusive creation, links as they are, long
# paths. (Errors told apart: the cases of recovery/.)
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

# Nothing here is about being late.
DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000 PROBE_TIMEOUT=20000

# times PATH: seconds of the last access and change of content.
times()
{
	stat -c '%X %Y' "$1"
}

setup_one_box
start_guardfs
wait_healthy

say "a time alone"
echo text >"$COLD/file"
touch -d @1000000000 "$COLD/file"
touch -a -d @1100000000 "$COLD/file"
assert_eq "$(times "$SERVER/file")" '1100000000 1000000000' "after touch -a"
touch -m -d @1200000000 "$COLD/file"
assert_eq "$(times "$SERVER/file")" '1100000000 1200000000' "after touch -m"
assert_eq "$(times "$COLD/file")" '1100000000 1200000000' "as the mount has it"
touch -a "$COLD/file"
assert_eq "$(stat -c %Y "$SERVER/file")" 1200000000 "after touch -a, now"
touch -d @1000000000 "$COLD/file"
touch -m "$COLD/file"
assert_eq "$(stat -c %X "$SERVER/file")" 1000000000 "after touch -m, now"

say "a time of 0; one that SFTP does not have"
touch -d @0 "$COLD/file"
assert_eq "$(times "$SERVER/file")" '0 0'
assert_eq "$(times "$COLD/file")" '0 0'
assert_exit 1 'range' touch -d @-1 "$COLD/file"
assert_exit 1 'range' touch -m -d @-86400 "$COLD/file"
touch -d @4294967295 "$COLD/file"
assert_eq "$(times "$SERVER/file")" '4294967295 4294967295'
assert_exit 1 'range' touch -d @4294967296 "$COLD/file"
assert_exit 1 'range' touch -d '2107-01-01' "$COLD/file"
assert_eq "$(times "$SERVER/file")" '4294967295 4294967295' "the refused ones changed nothing"

say "a directory in which a file is open and unlinked"
mkdir "$COLD/gone"
exec 5<>"$COLD/gone/file"
echo still >&5
rm "$COLD/gone/file"
assert_eq "$(ls -A "$COLD/gone")" ''
assert_eq "$(ls -A "$SERVER/gone")" '' "what the server has in it"
rmdir "$COLD/gone"
echo more >&5
exec 5>&-

say "exclusive creation asks the server"
assert_op ENOENT 0 1000 stat "$COLD/exclusive"
echo theirs >"$SERVER/exclusive"
python3 - "$COLD/exclusive" <<'END'
import os, sys
try:
    os.open(sys.argv[1], os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    sys.exit("it was made")
except FileExistsError:
    pass
END
assert_content "$SERVER/exclusive" theirs

say "links as they are"
ln -s /absolute/../text "$COLD/absolute"
assert_eq "$(readlink "$SERVER/absolute")" /absolute/../text
ln -s ../../up "$SERVER/up"
assert_eq "$(readlink "$COLD/absolute")" /absolute/../text
assert_eq "$(readlink "$COLD/up")" ../../up

say "long names and paths"
name=$(printf 'n%.0s' $(seq 255))
: >"$COLD/$name"
[[ -e $SERVER/$name ]] || fail "no file of 255 bytes"
assert_op ENAMETOOLONG 0 1000 stat "$COLD/${name}x"
path=
for ((i = 0; i < 14; i++)); do
	path+=/$(printf "d%.0s" $(seq 250))
done
mkdir -p "$COLD$path"
echo deep >"$COLD$path/file"
assert_content "$SERVER$path/file" deep
assert_content "$COLD$path/file" deep
(cd "$COLD$path" && mkdir -p "$name/$name" && cd "$name/$name" && assert_fails mkdir -p "$name/$name")
