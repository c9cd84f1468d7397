# sshfs has lost its connection and makes a new one for a request that comes before it has ended itself. A read that failed, of
# which sshfs says that the file ends there, is not believed because the new connection serves: what a lone writer has just written
# is not taken for another file while it is opened, and is read.
# limit: 120
# long: a reconnect after each of two losses, on a busy machine
. "$REPO/tests/lib/lib.sh"

cat >"$WORK/sshfs" <<END
#!/bin/bash
export RECONNECT_AT=$WORK/at LD_PRELOAD=$BUILD/tests/preload/reconnect.so
exec sshfs "\$@"
END
chmod 755 "$WORK/sshfs"
# Who sees the loss is sshfs alone, on a busy machine, too.
PROBE_INTERVAL=5000 PROBE_TIMEOUT=$((8000 * SLOW)) PATIENCE=$((30000 * SLOW))
DEADLINE_METADATA=$((25000 * SLOW)) DEADLINE_READ=$((25000 * SLOW)) DEADLINE_WRITE=60000
setup_one_box "sshfs_command = $WORK/sshfs"
start_guardfs
wait_healthy

# An open looks at a file's end while others are written to.
cat >"$WORK/write.py" <<'END'
import sys
while True:
    try:
        with open(sys.argv[1], "wb", buffering=0) as f:
            for _ in range(100):
                f.write(b"x")
    except OSError:
        pass  # its own connection is cut, too
END
python3 "$WORK/write.py" "$COLD/other" &
writer=$!
met=0
for n in {1..200}; do
	echo "number: $n" >"$COLD/tmp"
	mv "$COLD/tmp" "$COLD/name"
	before=$(backend_field box epoch)
	touch "$WORK/at"
	exec 7<"$COLD/name" || fail "open"
	if [[ ! -e $WORK/at ]]; then
		echo "$EPOCHREALTIME open $n met it"
		met=$((met + 1))
		wait_value 20000 backend_field box epoch -gt "$before"
	fi
	read -r line <&7 || fail "read: $(grep 'cannot be gone on' "$WORK/guardfs.log")"
	assert_eq "$line" "number: $n" "what is read"
	exec 7<&-
	((met < 2)) || break
done
assert_eq "$met" 2 "opens that met a connection lost"
kill "$writer"
wait "$writer" || true
