# alone
# 64 callers stuck at the same moment are all answered at one deadline, not one after the other.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy
stat "$COLD" >/dev/null # not listed: a name that is not there would be known

box_freeze
result=$("$TOOLS/callers" -t 64 -o missing "$COLD")
echo "$result"
assert_eq "$(jq -c .results <<<"$result")" '{"EIO":64}'
within $(((DEADLINE_METADATA + SLACK) * 1000)) max "$result"

say "the same in one directory each"
box_thaw
wait_healthy
# On the server: guardfs knows that what it has made itself is empty.
mkdir "$SERVER"/dir-{0..15}
stat "$COLD"/dir-{0..15} >/dev/null
box_freeze
result=$("$TOOLS/callers" -t 64 -o missing "$COLD"/dir-{0..15})
echo "$result"
assert_eq "$(jq -c .results <<<"$result")" '{"EIO":64}'
within $(((DEADLINE_METADATA + SLACK) * 1000)) max "$result"
