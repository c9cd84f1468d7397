# A file system mounted within the local tier hangs: callers of the rest of it go on, those whose requests come one upon the other too, and
# whoever hangs while they do holds them up for milliseconds only.
# limit: 90
# long: twenty callers that hang one after the other under a dense load, and the same load without
. "$REPO/tests/lib/lib.sh"

box_start box
mkdir -p "$WORK/box/data/jobs"
setup_local
RAW=$LOCAL/within
start_guardfs
raw_begin box
mkdir "$MNT/rest"
wait_until 5000 test -d "$MNT/within/jobs"

say "nobody hangs: as dense as it gets"
result=$("$TOOLS/callers" -t 1 -s 2 -o missing "$MNT/rest")
echo "alone: $result"
calls=$(jq .calls <<<"$result")

say "every now and then one more caller hangs"
kill -STOP "$(cat "$WORK/raw.pid")"
"$TOOLS/callers" -t 1 -s 6 -o missing "$MNT/rest" >"$WORK/rest" &
rest=$!
hung=()
for i in {1..20}; do
	"$TOOLS/timed" stat "$MNT/within/jobs/none-$i" >"$WORK/hung.$i" &
	hung+=($!)
	sleep 0.2 # sleep-ok: the rate at which they come
done
wait "$rest"
echo "beside: $(cat "$WORK/rest")"
assert_eq "$(jq -c '.results | keys' "$WORK/rest")" '["ENOENT"]' "what the others got"
# Stuck for as long as the one that hangs, they would have made next to none.
assert_ge "$(jq .calls "$WORK/rest")" $((calls / 4)) "calls of the others"
for pid in "${hung[@]}"; do
	kill -0 "$pid" || fail "one of those that were to hang did not"
done
assert_op ENOENT 0 1000 stat "$MNT/rest/none"

kill -CONT "$(cat "$WORK/raw.pid")"
wait "${hung[@]}"
assert_eq "$(awk '{print $1}' "$WORK"/hung.* | sort | uniq -c | tr -s ' ')" " 20 ENOENT" "what those who hung got"
wait_until 5000 fusermount3 -u "$RAW" # what guardfs has kept of it is closed within a second
wait "$(cat "$WORK/raw.pid")" || true
rm "$WORK/raw.pid"
