# A file that is replaced by rename, on the server or through the mount, is read as one whole version by whoever opens it meanwhile: never
# cut off at the size of another one, never with an error. Who has it open reads on in what was opened.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=4000
start_with_box_and_dir
mkdir -p "$WORK/bare"
raw_begin box dcache_timeout=20

replaced()
{
	say "$1"
	python3 "$REPO/tests/cases/guard/whole.py" "$2" "$3" 60 3
}

replaced "a bare directory" "$WORK/bare" "$WORK/bare" || fail "torn on a bare directory"
replaced "dir: below the mount" "$MNT/dir" "$WORK/store/dir" || fail "torn on dir"
replaced "dir: through the mount" "$MNT/dir" "$MNT/dir" || fail "torn on dir"
replaced "raw sshfs: on the server" "$RAW/jobs/cold" "$SERVER" || echo "torn, as raw sshfs is"
replaced "sshfs: on the server" "$COLD" "$SERVER" || fail "torn on sshfs"
replaced "sshfs: through the mount" "$COLD" "$COLD" || fail "torn on sshfs"
raw_end
assert_eq "$(backend_field box counters.errors)" 0 "errors counted of the backend"
