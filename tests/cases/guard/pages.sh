# What the kernel keeps of a file's content: not what storage has changed without a sign of it (the same size, the same second), but
# with kernel_cache, which asks for that; and never what a connection before this one has read.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
head -c 3000000 /dev/urandom >"$SERVER/file"

# On the server, by somebody else: size and time stay.
change()
{
	touch -r "$SERVER/file" "$WORK/time"
	printf '%s' "$1" | dd of="$SERVER/file" bs=1 seek=2000000 conv=notrunc status=none
	touch -r "$WORK/time" "$SERVER/file"
}
read_bytes()
{
	status '.backends[0].counters.read_bytes'
}
reconnected()
{
	(($(backend_field box epoch) > epoch)) && backend_is box healthy probation
}

say "a file that was changed without a sign of it"
start_guardfs
wait_healthy
cmp "$SERVER/file" "$COLD/file"
change other
cmp "$SERVER/file" "$COLD/file"
stop_guardfs

# An option of sshfs.
[[ ${TYPE:-sshfs} == sshfs ]] || exit 0

say "kernel_cache: kept from one open to the next"
sed -i 's/^type *= *sshfs/&\nsshfs_options = kernel_cache/' "$CONF"
start_guardfs
wait_healthy
cmp "$SERVER/file" "$COLD/file"
before=$(read_bytes)
cp "$SERVER/file" "$WORK/before"
change again
cmp "$WORK/before" "$COLD/file"
assert_eq "$(read_bytes)" "$before" "bytes read from storage"

say "but not over a reconnect"
epoch=$(backend_field box epoch)
ctl reconnect box >/dev/null
wait_until 10000 reconnected
cmp "$SERVER/file" "$COLD/file"
