# A write to a state file's new content fails: what its program did not mean is not published, whoever told it of the error; what it writes
# once more is. And what goes on in place, or is in place from the beginning.
# limit: 120
# long: writes that wait until their deadline, and outages
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/state/writers.bash"

FILE=.archive_state.json
DEADLINE_WRITE=2000 DEADLINE_SYNC=2000 PROBE_INTERVAL=500 BACKOFF_MAX=400

suspects()
{
	ctl suspects --json | jq length
}

setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store

# begin_large: two thirds of what is kept in memory.
begin_large()
{
	echo former >"$COLD/$FILE"
	begin a "$COLD/$FILE"
	tell a fill 600 x
}

say "no room for the rest: close says so, and the former version stays"
begin_large
fault "open error ENOSPC path=$FILE"
assert_eq "$(ask a fill 600 y)" ENOSPC
fault ''
assert_eq "$(ask a sync)" EIO
assert_eq "$(ask a close)" EIO
assert_content "$SERVER/$FILE" former
end a
assert_eq "$(suspects)" 0 "suspects"

say "the same, and the program goes on: with the same bytes, or from the beginning"
begin_large
fault "open error ENOSPC path=$FILE"
assert_eq "$(ask a fill 600 y)" ENOSPC
fault ''
tell a fill 300 y
assert_eq "$(ask a sync)" EIO
tell a fill 300 z
finish a
assert_eq "$(head -c 1228800 "$SERVER/$FILE" | tr -d xyz | wc -c) $(stat -c %s "$SERVER/$FILE")" "0 1228800"
begin_large
fault "open error ENOSPC path=$FILE"
assert_eq "$(ask a fill 600 y)" ENOSPC
fault ''
tell a empty
tell a write short
finish a
assert_content "$SERVER/$FILE" short

say "guardian tells the program"
begin_large
fault "open hang path=$FILE"
assert_eq "$(ask a fill 600 y)" EIO
fault ''
wait_healthy store
assert_eq "$(ask a close)" EIO
end a
# The file was cut when the backend went on.
assert_content "$SERVER/$FILE" ""
wait_value 5000 suspects == 1

say "what was cut, and written in part, is suspect"
begin_large
fault "write error ENOSPC path=$FILE"
assert_eq "$(ask a fill 600 y)" ENOSPC
fault ''
assert_eq "$(ask a close)" EIO
end a
wait_value 5000 suspects == 1
echo whole >"$COLD/$FILE"
assert_content "$SERVER/$FILE" whole
wait_value 5000 suspects == 0

say "another is published while it goes on in place: nothing of what comes then is lost"
begin_large
begin b "$COLD/$FILE"
tell b write other
fault "write delay 700 path=$FILE count=1"
echo "fill 600 y" >"$WORK/a.in"
sleep 0.2 # sleep-ok: within the delay
tell b close
wait_until 5000 has_more_lines "$WORK/a.out" 2
fault ''
tell a fill 10 z
finish a
end b
assert_eq "$(stat -c %s "$SERVER/$FILE")" $((1210 << 10)) "size"
assert_eq "$(tail -c 10 "$SERVER/$FILE")" zzzzzzzzzz

say "times, the end, and O_SYNC"
rm "$COLD/$FILE"
echo short >"$COLD/$FILE"
touch -d @1000 "$COLD/$FILE"
begin a "$COLD/$FILE"
tell a write new
tell a seek 4
tell a time 2000
assert_eq "$(stat -c %Y "$SERVER/$FILE")" 1000 "of the former version"
finish a
assert_eq "$(stat -c %Y "$SERVER/$FILE")" 2000
assert_content "$SERVER/$FILE" new
python3 - "$COLD/$FILE" "$SERVER/$FILE" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC | os.O_SYNC)
os.write(fd, b"synced")
with open(sys.argv[2]) as file:
    assert file.read() == "synced"
END
