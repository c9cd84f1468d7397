# alone
# limit: 90
# long: four loads of 2 s, and an outage with 500 callers
# Five hundred callers who wait for one backend that has just been lost: neither the local tier nor another backend is slower
# for it, and what is beyond the bound is told so at once. When the backend is there again all that waited is served.
. "$REPO/tests/lib/lib.sh"

PATIENCE=20000 DEADLINE_METADATA=15000
setup_one_box
mkdir -p "$WORK/store/cold"
conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store"
echo "$WORK/cold/store/cold $MNT/other" >>"$WORK/manifest"
start_guardfs
wait_healthy
wait_healthy store
mkdir "$MNT/local"
ls "$COLD" "$MNT/other" >/dev/null

# The same before and during.
for what in local other; do
	"$TOOLS/callers" -t 4 -s 2 -u 1000 -o create "$MNT/$what" >"$WORK/before.$what"
done

box_kill box
wait_down
"$TOOLS/callers" -t 500 -o missing "$COLD" >"$WORK/crowd" &
crowd=$!
wait_value 10000 backend_field box parked -ge 500
for what in local other; do
	result=$("$TOOLS/callers" -t 4 -s 2 -u 1000 -o create "$MNT/$what")
	echo "$what: before $(cat "$WORK/before.$what")"
	echo "$what: during $result"
	assert_eq "$(jq -c '.results | keys' <<<"$result")" '["OK"]' "what callers of $what got"
	# On a busy machine they took long before, too.
	before=$(jq .us.p99 "$WORK/before.$what")
	within $((3 * before > 10000 ? 3 * before : 10000)) p99 "$result"
done

say "beyond the bound"
"$TOOLS/callers" -t 200 -o missing "$COLD" >"$WORK/more" &
more=$!
wait_value 10000 backend_field box counters.fast_fails -gt 0
assert_op ENOENT 0 100 stat "$MNT/other/missing"
box_restart box
wait "$crowd" "$more"
cat "$WORK/crowd" "$WORK/more"
assert_eq "$(jq -c .results "$WORK/crowd")" '{"ENOENT":500}' "what the crowd got"
assert_eq "$(jq -c '.results | keys' "$WORK/more")" '["EIO","ENOENT"]' "what those beyond the bound got"
