# durability = behind: all of guardfs is killed while bytes were acknowledged that storage does not have. They are lost, and nothing on
# storage tells: the file that was open for writing stays on the list.
# limit: 120
# long: a start after a crash, and the look at what it left
. "$REPO/tests/lib/lib.sh"

known()
{
	[[ $(sqlite3 "$STATE/history.sqlite" "SELECT count(*) FROM memory WHERE key LIKE 'writing/store/cold/$1'") == 1 ]]
}

# Judged, and since its verdict: not only "pending".
verdict_is()
{
	[[ $(ctl suspects --json | jq -r --arg path "cold/$1" '.[] | select(.path == $path) | .verdict') == "$2" ]]
}

is_owed()
{
	(($(backend_field store owed_bytes) > 0))
}

setup_dir 'durability = behind' 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store
head -c 3000 /dev/urandom | gzip >"$WORK/one.gz"
mkfifo "$WORK/go"
python3 - "$COLD" "$WORK/one.gz" "$WORK/go" <<'END' &
import os, sys
member = open(sys.argv[2], "rb").read()
fds = [os.open(os.path.join(sys.argv[1], name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) for name in ("log", "x.gz")]
for fd in fds:
    os.write(fd, member)
    os.fsync(fd)
open(sys.argv[3]).read()
for fd in fds:
    os.write(fd, member)
open(sys.argv[3]).read()
END
writer=$!
wait_until 20000 known log
wait_until 20000 known x.gz
fault 'write delay 60000'
echo >"$WORK/go"
wait_until 10000 is_owed

say "killed, all of it"
pids=$(echo "$GUARDIAN" "$(process_pid worker)" "$(process_pid keeper)")
GUARDIAN=0
kill -9 $pids $writer
wait $writer 2>/dev/null || true
umount -l "$MNT" 2>/dev/null || true
fault ''
start_guardfs
wait_healthy store
assert_eq "$(stat -c %s "$SERVER/log")" "$(stat -c %s "$WORK/one.gz")"
wait_until 20000 verdict_is log unknown
wait_until 20000 verdict_is x.gz unknown
assert_eq "$(ctl suspects --json | jq -r 'map(.cause) | unique | join(",")')" crashed
