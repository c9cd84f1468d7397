# alone
# 64 callers stuck at the same moment are all answered at one deadline, not one after the other.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy
ls "$COLD" >/dev/null

box_freeze
result=$("$TOOLS/callers" -t 64 -o missing "$COLD")
echo "$result"
assert_eq "$(jq -c .results <<<"$result")" '{"EIO":64}'
within $(((DEADLINE_METADATA + SLACK) * 1000)) max "$result"

say "the same in one directory each"
box_thaw
wait_healthy
mkdir "$COLD"/dir-{0..15}
box_freeze
result=$("$TOOLS/callers" -t 64 -o missing "$COLD"/dir-{0..15})
echo "$result"
assert_eq "$(jq -c .results <<<"$result")" '{"EIO":64}'
within $(((DEADLINE_METADATA + SLACK) * 1000)) max "$result"
