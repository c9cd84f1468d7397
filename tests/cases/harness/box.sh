# The harness itself: the storage box serves, freezes, breaks and comes back, seen through a plain sshfs.
. "$REPO/tests/lib/lib.sh"

box_start box
echo hello >"$WORK/box/data/file"
mkdir "$WORK/raw"

raw_mount()
{
	sshfs -p "${1:-2222}" -o IdentityFile="$WORK/box/user_key",UserKnownHostsFile="$WORK/box/known_hosts" \
		-o BatchMode=yes,dir_cache=no root@127.0.0.1: "$WORK/raw"
}

raw_works()
{
	mountpoint -q "$WORK/raw" && ls "$WORK/raw"
}

raw_mount
assert_content "$WORK/raw/file" hello

say "frozen: a call waits; thawed: it is answered"
box_freeze
"$TOOLS/timed" stat "$WORK/raw/other" >"$WORK/result" &
caller=$!
# Nothing can be waited for here: that the call does not return is the point.
sleep 0.5 # sleep-ok: shows that nothing happens
[[ ! -s $WORK/result ]] || fail "a frozen box answered: $(cat "$WORK/result")"
box_thaw
wait "$caller"
assert_match "$(cat "$WORK/result")" '^ENOENT [0-9]+'

say "killed: connections break, new ones are refused; restarted: it serves again"
box_kill
wait_until 5000 not raw_works
fusermount3 -uqz "$WORK/raw" || true
assert_fails raw_mount
box_restart
raw_mount
assert_content "$WORK/raw/file" hello
fusermount3 -u "$WORK/raw"
