# A server that answers one connection and lets the next one wait: within connect_timeout one serves for everything. The next
# recovery does not wait for a second one.
# limit: 60
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

setup_far_box 0
echo text >"$SERVER/file"
relay far take 1
# The relay counts connections: no diagnosis beside the mount may take one.
sed -i '/^\[recovery\]/a connect_timeout = 4s\ndiagnose = no' "$CONF"
start_guardfs
wait_healthy
assert_match "$(cat "$WORK/guardfs.log")" 'data shares a connection with the rest, for the second one failed'
assert_content "$COLD/file" text
echo more >>"$COLD/file"
assert_eq "$(cat "$SERVER/file")" $'text\nmore'
assert_eq "$(incidents '.incidents | length')" 0

say "a recovery makes one connection from the beginning"
relay far take 20 # a second one would be answered now
relay far cut
wait_until 10000 grep -q 'data shares a connection with the rest, for a second one hung lately' "$WORK/guardfs.log"
wait_healthy
assert_content "$COLD/file" $'text\nmore'
assert_eq "$(grep -c 'for the second one failed' "$WORK/guardfs.log")" 1 "second logins that were tried"
