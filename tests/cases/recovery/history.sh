# A damaged, locked or full journal: guarding goes on, status says so, nothing is lost that need not be.
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
journal_says()
{
	[[ $(status .journal) =~ $1 ]]
}
lose_and_find()
{
	kill -9 "$(sshfs_pid)"
	wait_down
	wait_until 15000 backend_is box healthy
}
lose_and_find
wait_value 5000 incidents ".incidents | length" == 1
assert_content "$COLD/file" hello
stop_guardfs

say "damaged: set aside, a new one begun"
head -c 8192 /dev/urandom | dd of="$STATE/history.sqlite" conv=notrunc status=none
start_guardfs
wait_healthy
wait_until 5000 journal_says damaged
wait_value 5000 find "$STATE" -name 'history.sqlite.damaged-*' =~ .
grep -q damaged "$MNT/.guardfs/status" || fail "status does not tell"
wait_until 15000 backend_is box healthy
lose_and_find
wait_value 5000 incidents ".incidents | length" == 1
id=$(ctl incidents --json | jq '.incidents[0].id')

say "locked by somebody else: goes on, and catches up"
python3 - "$STATE/history.sqlite" "$WORK/let-go" "$WORK/locked" <<'END' &
import os, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
open(sys.argv[3], "w")
while not os.path.exists(sys.argv[2]):
    time.sleep(0.02)  # sleep-ok: polling
db.execute("ROLLBACK")
END
locker=$!
wait_until 25000 test -e "$WORK/locked"
lose_and_find
wait_until 30000 journal_says 'locked'
assert_content "$COLD/file" hello
touch "$WORK/let-go"
wait "$locker"
wait_until 30000 journal_says '^ok'
wait_value 15000 incidents ".incidents | length" == 2
assert_eq "$(ctl incidents --json | jq '.incidents | map(select(.closed == 0)) | length')" 0 "open incidents"
assert_ge "$(ctl incidents --json | jq '.incidents[0].id')" $((id + 1)) "number"
stop_guardfs

say "no room: a state directory on a file system that is full"
mkdir -p "$WORK/small"
mount -t tmpfs -o size=1m none "$WORK/small"
sed -i "s|^state_dir = .*|state_dir = $WORK/small/state|" "$CONF"
start_guardfs
wait_until 15000 backend_is box healthy
dd if=/dev/zero of="$WORK/small/fill" bs=4k status=none 2>/dev/null || true
for _ in 1 2 3; do
	lose_and_find
done
wait_until 30000 journal_says 'full|failed'
assert_content "$COLD/file" hello
rm "$WORK/small/fill"
wait_until 30000 journal_says '^ok'
wait_value 15000 incidents ".incidents | length" == 3
stop_guardfs
umount "$WORK/small"
