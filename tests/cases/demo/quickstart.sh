# scripts/quickstart as a newcomer runs it: once, again, with an own server, and down.
# limit: 240
. "$REPO/tests/lib/lib.sh"

export GUARDFS_QUICKSTART_DIR=$WORK/quickstart
quickstart=$REPO/scripts/quickstart
mount=$GUARDFS_QUICKSTART_DIR/jobs

for round in 1 2; do
	say "round $round"
	"$quickstart" --no-install >"$WORK/out" 2>&1 || fail "$(tail -n 30 "$WORK/out")"
	cat "$WORK/out"
	mounted "$mount" || fail "the mount is not left running"
	for words in 'warc.gz' 'healthy' 'EIO' 'recovered' "$mount" '--down'; do
		grep -q -- "$words" "$WORK/out" || fail "round $round does not speak of $words"
	done
	gzip -t "$mount"/hc/2*/warcs/*.warc.gz
	assert_no_trace "$GUARDFS_QUICKSTART_DIR/jobs.local" '*.warc.gz'
	[[ -n $(find "$GUARDFS_QUICKSTART_DIR/box/data" -name '*.warc.gz') ]] || fail "no WARC on the server"
done

say "down, twice"
"$quickstart" --down
! mounted "$mount" || fail "still mounted"
"$quickstart" --down

say "one's own server"
box_start box
echo hello >"$WORK/box/data/file"
"$quickstart" --no-install root@127.0.0.1: --port 2222 --identity "$WORK/box/user_key" \
	--known-hosts "$WORK/box/known_hosts" --mountpoint "$WORK/own" >"$WORK/out" 2>&1 || fail "$(cat "$WORK/out")"
cat "$WORK/out"
wait_until 15000 test -e "$WORK/own/storagebox/file"
assert_content "$WORK/own/storagebox/file" hello
"$quickstart" --down
! mounted "$WORK/own" || fail "still mounted"

say "refused: an unknown host key, nonsense"
: >"$WORK/nothing"
assert_fails "$quickstart" --no-install root@127.0.0.1: --port 2222 --known-hosts "$WORK/nothing"
assert_fails "$quickstart" nonsense
assert_fails "$quickstart" --port x
