# A worker killed while all of its requests are stuck in a server that stands still: each caller has an answer by its deadline, from
# whomever.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

# Nobody may have had an answer before the worker is killed.
DEADLINE_METADATA=$((2000 * SLOW))
DEADLINE_READ=$DEADLINE_METADATA DEADLINE_WRITE=$DEADLINE_METADATA DEADLINE_SYNC=$DEADLINE_METADATA PROBE_INTERVAL=$((10000 * SLOW))
setup_one_box
# Each in a directory of its own: the kernel locks a directory for a rename, and Linux 6.1 for every open that might create a file. One call
# would wait there for another, with nothing asked of the worker.
mkdir "$SERVER"/{renamed,looked-up,read,truncated,written}
for name in renamed/old read/file truncated/file; do
	seq 100000 >"$SERVER/$name"
done
printf 'text' >"$SERVER/written/file"
start_guardfs
wait_healthy
hold writer write "$COLD/written/file"
# Nothing is listed: a name that is not there would be known.
(cd "$SERVER" && printf '%s\0' * */*) | (cd "$COLD" && xargs -0 stat) >/dev/null

are_inside()
{
	(($(backend_field box inflight) >= $1))
}

box_freeze box
begun=$(now_ms)
"$TOOLS/timed" rename "$COLD/renamed/old" "$COLD/renamed/new" >"$WORK/rename.result" &
"$TOOLS/timed" lstat "$COLD/looked-up/other" >"$WORK/lstat.result" &
"$TOOLS/timed" read "$COLD/read/file" >"$WORK/read.result" &
"$TOOLS/timed" truncate "$COLD/truncated/file" >"$WORK/truncate.result" &
held writer write 0 >"$WORK/write.result" &
wait_until 1500 are_inside 5
kill -9 "$(process_pid worker)"

results()
{
	[[ $(cat "$WORK"/*.result | wc -l) == 5 ]]
}

wait_until 10000 results
took=$(($(now_ms) - begun))
grep . "$WORK"/*.result
say "all are answered after $took ms"
assert_le "$took" $((DEADLINE_METADATA + (1500 + 1500) * SLOW)) "ms until the last answer"
assert_eq "$(cut -d' ' -f1 "$WORK"/*.result | sort -u)" EIO "answers"
box_thaw box
wait_healthy
let_go writer
