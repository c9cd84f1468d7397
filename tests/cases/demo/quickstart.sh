# scripts/quickstart as a newcomer runs it: once, again, with an own server, and down.
# limit: 600
# long: several runs of the whole demonstration, each with an outage
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
	sed -n '/answered at once/,/local tier/s/.*after *\([0-9]*\)\..* ms$/\1/p' "$WORK/out" | {
		while read -r ms; do
			assert_le "$ms" 500 "ms of a call that is shown as answered at once"
			calls=$((${calls:-0} + 1))
		done
		assert_eq "${calls:-0}" 3 "calls shown as answered at once"
	}
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
assert_eq "$(jq -r '.backends[0].type' "$WORK/own/.guardfs/status.json")" sftp "the type of a new set-up"
wait_until 15000 test -e "$WORK/own/storagebox/file"
assert_content "$WORK/own/storagebox/file" hello
assert_eq "$(find "$WORK/box/data" -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')" 'file ' "what quickstart has left on one's own server"
[[ ! -e $WORK/own/hc ]] || fail "the demonstration's routes and files are shown in one's own mount"

say "a key that nobody has looked at: refused, and what runs goes on"
: >"$WORK/nothing"
assert_exit 1 'the key of .*127.0.0.1.* is not in' "$quickstart" --no-install root@127.0.0.1: --port 2222 --known-hosts "$WORK/nothing"
assert_content "$WORK/own/storagebox/file" hello

say "a path and a user that do not exist: not called running, and why"
own()
{
	"$quickstart" --no-install "$1" --port 2222 --identity "$WORK/box/user_key" --known-hosts "$WORK/box/known_hosts" \
		--mountpoint "$WORK/own"
}
for wrong in root@127.0.0.1:no/such/path nobody@127.0.0.1:; do
	rc=0
	own "$wrong" >"$WORK/out" 2>&1 || rc=$?
	assert_eq "$rc" 1 "exit status for $wrong: $(cat "$WORK/out")"
	assert_fails grep -q 'guardfs is running' "$WORK/out"
	grep -q "$wrong is NOT served" "$WORK/out" || fail "$(cat "$WORK/out")"
	grep -Eq 'path_missing|auth_failed' "$WORK/out" || fail "it does not say why: $(cat "$WORK/out")"
done
"$quickstart" --down
! mounted "$WORK/own" || fail "still mounted"

say "the demonstration again, over sshfs: its own routes, to its own box"
"$quickstart" --no-install --type sshfs >"$WORK/out" 2>&1 || fail "$(tail -n 30 "$WORK/out")"
assert_eq "$(jq -r '.routes[].path' "$mount/.guardfs/status.json" | grep -vc '^hc/')" 0 "routes that are not the demonstration's"
assert_eq "$(jq -r '.backends[0].type' "$mount/.guardfs/status.json")" sshfs "the type that was asked for"
"$quickstart" --down

say "refused: an unknown host key, nonsense"
: >"$WORK/nothing"
assert_fails "$quickstart" --no-install root@127.0.0.1: --port 2222 --known-hosts "$WORK/nothing"
assert_fails "$quickstart" nonsense
assert_fails "$quickstart" --port x
assert_exit 1 'neither sftp nor sshfs' "$quickstart" --type nfs
