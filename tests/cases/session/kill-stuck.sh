# A worker killed while all of its requests are stuck in a server that stands still: each caller has an answer by its deadline, from
# whomever.
. "$REPO/tests/lib/lib.sh"

# Nobody may have had an answer before the worker is killed.
DEADLINE_METADATA=$((2000 * SLOW))
DEADLINE_READ=$DEADLINE_METADATA DEADLINE_WRITE=$DEADLINE_METADATA DEADLINE_SYNC=$DEADLINE_METADATA PROBE_INTERVAL=$((10000 * SLOW))
setup_one_box
for name in old unlinked read truncated; do
	seq 100000 >"$SERVER/$name"
done
printf 'text' >"$SERVER/written"
start_guardfs
wait_healthy
hold writer write "$COLD/written"
stat "$COLD"/* >/dev/null

are_inside()
{
	(($(backend_field box inflight) >= $1))
}

box_freeze box
begun=$(now_ms)
"$TOOLS/timed" rename "$COLD/old" "$COLD/new" >"$WORK/rename.result" &
"$TOOLS/timed" lstat "$COLD/other" >"$WORK/lstat.result" &
"$TOOLS/timed" read "$COLD/read" >"$WORK/read.result" &
"$TOOLS/timed" truncate "$COLD/truncated" >"$WORK/truncate.result" &
held writer write 0 >"$WORK/write.result" &
wait_until 1500 are_inside 4
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
