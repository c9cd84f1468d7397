# The manifest is read again at SIGHUP and when the file changes, with requests in flight, but never half
# written; a bad one changes nothing, also over a restart, and is reported with line numbers.
# limit: 90
# long: many manifests, each seen by the look that is made every second
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$WORK/box/data/jobs/more"
start_guardfs
wait_healthy
"$TOOLS/callers" -t 4 -s 1000 -u 200 -o missing "$COLD" "$MNT" >"$WORK/calls" &
echo $! >"$WORK/callers.pid"
cp "$WORK/manifest" "$WORK/manifest.first"

routes()
{
	status '[.routes[].path] | sort | join(" ")'
}

say "the file changes"
echo "$WORK/cold/box/jobs/more $MNT/more" >>"$WORK/manifest"
wait_value 5000 routes == "cold more"
wait_value 5000 route_field more state == healthy
echo hello >"$MNT/more/file"
assert_content "$WORK/box/data/jobs/more/file" hello

say "it is written in two goes, as by an editor that empties it first: no route is ever missed"
for i in 1 2 3 4 5 6; do
	: >"$WORK/manifest"
	sleep 0.4 # sleep-ok: a writer that is slow, and found in the middle of it by a look every second
	cat "$WORK/manifest.first" >>"$WORK/manifest"
	sleep 0.2 # sleep-ok: as above
	echo "$WORK/cold/box/jobs/more $MNT/more" >>"$WORK/manifest"
done
assert_eq "$(routes)" "cold more"
echo "# settled" >>"$WORK/manifest"
reads=$(grep -c 'tier map:' "$WORK/guardfs.log")
wait_value 5000 grep -c "tier map:" "$WORK/guardfs.log" -gt "$reads"
assert_eq "$(grep 'tier map:' "$WORK/guardfs.log" | grep -vc ': [12] routes$' || true)" 0 "maps without a route"
assert_eq "$(grep 'tier map: 1 routes' "$WORK/guardfs.log" | wc -l)" 1 "maps as it was at the start"

say "it is replaced by rename"
cp "$WORK/manifest.first" "$WORK/manifest.new"
mv "$WORK/manifest.new" "$WORK/manifest"
wait_value 5000 routes == cold
[[ ! -e $MNT/more/file ]] || fail "a route that is gone still leads to the backend"

say "SIGHUP"
echo "$WORK/cold/box/jobs/more $MNT/hup" >>"$WORK/manifest"
kill -HUP "$GUARDIAN"
wait_value 5000 routes == "cold hup"

# bad LINE PATTERN: a manifest with that line appended is refused with a message that matches.
bad()
{
	cp "$WORK/manifest" "$WORK/manifest.good"
	printf '%s\n' "$1" >>"$WORK/manifest"
	line=$(wc -l <"$WORK/manifest")
	kill -HUP "$GUARDIAN"
	wait_value 5000 status .manifest.state == bad
	echo "'$1': $(status .manifest.error)"
	assert_match "$(status .manifest.error)" "manifest:$line: $2" "the message"
	assert_eq "$(routes)" "cold hup" "the last good map stays"
	assert_match "$(cat "$MNT/.guardfs/health")" '^degraded manifest '
	grep -q "manifest" "$MNT/.guardfs/status" || fail "status does not speak of it"
	cp "$WORK/manifest.good" "$WORK/manifest"
	kill -HUP "$GUARDIAN"
	wait_value 5000 status .manifest.state == ok
}

say "bad ones"
bad "$WORK/cold/box/jobs/more" 'one field|.*alone'
bad "$WORK/cold/box/other $MNT/cold" '.*already'
bad "$(head -n 1 "$WORK/manifest")" '.*already'
bad "$WORK/cold/box/other $MNT/cold/inside" '.*inside'
bad "/nowhere/x $MNT/x" '.*alias'
bad "$WORK/cold/box/x /elsewhere/x" '.*mountpoint'
bad "$WORK/cold/box/../x $MNT/x" '.*\.\.'
bad "relative $MNT/x" '.*absolute'
bad "$WORK/cold/box/x $MNT/.guardfs/x" '.*guardfs'

say "the file vanishes: the last good map stays"
mv "$WORK/manifest" "$WORK/manifest.away"
kill -HUP "$GUARDIAN"
wait_value 5000 status .manifest.state == bad
assert_eq "$(routes)" "cold hup"
mv "$WORK/manifest.away" "$WORK/manifest"
wait_value 5000 status .manifest.state == ok
kill -KILL "$(cat "$WORK/callers.pid")"
wait "$(cat "$WORK/callers.pid")" || true
rm "$WORK/callers.pid"

# started_with WHAT ROUTES: guardfs is started anew, and says that the manifest is bad; nothing lands on the local tier.
started_with()
{
	stop_guardfs
	start_guardfs
	assert_eq "$(status .manifest.state)" bad "$1: state"
	assert_eq "$(routes)" "$2" "$1: routes"
	wait_healthy
	echo "$1" >"$MNT/cold/written"
	assert_content "$SERVER/written" "$1"
	assert_missing "$LOCAL/cold"
}

say "started anew while it is bad, or is not there: the last good one counts"
cp "$WORK/manifest" "$WORK/manifest.good"
echo "$WORK/cold/box/jobs/more" >>"$WORK/manifest"
started_with bad 'cold hup'
rm "$WORK/manifest"
started_with missing 'cold hup'

say "... and where none was ever seen, its good lines"
sed "s|$MNT/hup|hup|" "$WORK/manifest.good" >"$WORK/manifest"
rm "$STATE/manifest.good"
started_with first cold
mv "$WORK/manifest.good" "$WORK/manifest"
wait_value 5000 status .manifest.state == ok
assert_eq "$(routes)" 'cold hup'
cmp "$WORK/manifest" "$STATE/manifest.good"
