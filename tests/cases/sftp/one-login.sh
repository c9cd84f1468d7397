# A server that answers one connection and lets the next one wait: within connect_timeout one serves for everything.
# limit: 60
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

setup_far_box 0
echo text >"$SERVER/file"
relay far take 1
sed -i '/^\[recovery\]/a connect_timeout = 4s' "$CONF"
start_guardfs
wait_healthy
assert_match "$(cat "$WORK/guardfs.log")" 'data shares a connection with the rest, for the second one failed'
assert_content "$COLD/file" text
echo more >>"$COLD/file"
assert_eq "$(cat "$SERVER/file")" $'text\nmore'
assert_eq "$(incidents '.incidents | length')" 0
