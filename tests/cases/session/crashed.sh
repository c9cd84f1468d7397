# All of guardfs is killed, as by a power cut: the next one names the files that were open for writing, and finds out what has become of
# them. One that ended in order leaves nothing behind. Its limit: a file opened in the last seconds before is not known.
# limit: 240
# long: waits for what is written down of open files only now and then, and for slow looks at suspect ones
. "$REPO/tests/lib/lib.sh"

known()
{
	[[ $(sqlite3 "$STATE/history.sqlite" "SELECT count(*) FROM memory WHERE key LIKE 'writing/store/cold/$1'") == 1 ]]
}

closed_is_unknown()
{
	! known closed
}

forgotten()
{
	[[ $(sqlite3 "$STATE/history.sqlite" "SELECT count(*) FROM memory WHERE key LIKE 'writing/%'") == 0 ]]
}

verdict_is()
{
	[[ $(ctl suspects --json | jq -r --arg path "cold/$1" '.[] | select(.path == $path) | .verdict') == "$2" ]]
}

settled_as()
{
	[[ $(ctl suspects --settled --json | jq -r --arg path "cold/$1" '.[] | select(.path == $path) | .verdict') == "$2" ]]
}

setup_dir
start_guardfs
wait_healthy store
say "files that are open for writing are kept, and forgotten when they are closed"
head -c 100000 /dev/urandom | gzip >"$WORK/whole.gz"
for name in cut.gz whole.gz log; do
	hold "$name" append "$COLD/$name"
	cat "$WORK/whole.gz" >>"$COLD/$name"
done
truncate -s -100 "$COLD/cut.gz"
head -c 5000 /dev/urandom >"$COLD/grown"
hold grown append "$COLD/grown"
hold closed append "$COLD/closed"
for name in cut.gz whole.gz log grown closed; do
	wait_until 20000 known "$name"
done
# Its size is written down every half a minute: it is longer than what is known, and nobody else was at it.
head -c 5000 /dev/urandom >>"$COLD/grown"
let_go closed
wait_until 20000 closed_is_unknown

say "killed, all of it"
pids=$(echo "$GUARDIAN" "$(process_pid worker)" "$(process_pid keeper)")
GUARDIAN=0
kill -9 $pids
umount -l "$MNT" 2>/dev/null || true
for name in cut.gz whole.gz log grown; do
	let_go "$name" || true
done
start_guardfs
wait_healthy store
wait_until 20000 verdict_is cut.gz truncated
wait_until 20000 settled_as whole.gz whole
wait_until 20000 settled_as log whole
wait_until 20000 settled_as grown whole
assert_eq "$(ctl suspects --json | jq -r 'map(.cause + " " + .path) | join(",")')" 'crashed cold/cut.gz'
wait_until 20000 forgotten

say "ended in order: nothing is suspect"
hold writer append "$COLD/writer"
wait_until 20000 known writer
let_go writer
stop_guardfs
forgotten || fail "still kept after an end in order"
start_guardfs
wait_healthy store
assert_eq "$(ctl suspects --json | jq -r 'map(.path) | join(",")')" 'cold/cut.gz'
