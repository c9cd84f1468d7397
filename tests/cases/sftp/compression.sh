# Compression on request: shown by the bytes on the wire, both ways. A server that compresses nothing serves without.
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

# Nothing here is about being late.
DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000 PROBE_TIMEOUT=20000

MIB=$((1 << 20))

# Bytes that the connections to the server have carried: sent and received.
carried()
{
	ss -Htni 'dport = :2222' | grep -oE '(bytes_acked|bytes_received):[0-9]+' |
		awk -F: '{ sum[$1] += $2 } END { print sum["bytes_acked"] + 0, sum["bytes_received"] + 0 }'
}

# carries: 8 MiB there and 8 MiB back; sets sent and received.
carries()
{
	local before after

	before=($(carried))
	cp "$WORK/text" "$COLD/written"
	cmp "$WORK/text" "$SERVER/written"
	cmp "$WORK/text" "$COLD/there"
	after=($(carried))
	sent=$((after[0] - before[0])) received=$((after[1] - before[1]))
	echo "sent $sent, received $received bytes"
}

setup_one_box
python3 -c 'print("the same line again and again\n" * 270000, end="")' >"$WORK/text" # 8 MiB
cp "$WORK/text" "$SERVER/there"
start_guardfs
wait_healthy
say "not asked for"
carries
assert_ge "$sent" $((7 * MIB)) "bytes sent"
assert_ge "$received" $((7 * MIB)) "bytes received"
stop_guardfs
rm "$SERVER/written"

say "asked for"
sed -i '/^type = sftp/a compression = yes' "$CONF"
start_guardfs
wait_healthy
carries
assert_le "$sent" $MIB "bytes sent"
assert_le "$received" $MIB "bytes received"
stop_guardfs
rm "$SERVER/written"

say "a server that has none"
sed -i '1i Compression no' "$WORK/box/sshd_config"
box_kill
box_restart
start_guardfs
wait_healthy
carries
assert_ge "$sent" $((7 * MIB)) "bytes sent"
