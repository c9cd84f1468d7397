# Appends beside those of another client, on every kind of tier, raw sshfs beside it: no line is lost, none lies over another, and
# after a truncation by the other one the next lies at the new end. What O_APPEND does to all else is as on the bare directory.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

# parts HERE THERE PART...
parts()
{
	local here=$1 there=$2 part

	shift 2
	for part in "$@"; do
		say "$part"
		python3 "$REPO/tests/cases/guard/append.py" "$part" "$here" "$there"
	done
}

ALL=(turns at_once cut setfl direct big mapped)

say "a directory as guarded tier; the local tier as the kernel serves it"
setup_dir
start_guardfs
wait_healthy store
parts "$COLD" "$SERVER" "${ALL[@]}"
parts "$MNT" "$LOCAL" turns at_once cut big

say "a file that may only grow: appended to, and nothing else"
echo before >"$LOCAL/grows"
if chattr +a "$LOCAL/grows" 2>/dev/null; then
	: >"$SERVER/grows"
	chattr +a "$SERVER/grows"
	for file in "$MNT/grows" "$COLD/grows"; do
		echo more >>"$file"
		assert_eq "$(tail -n 1 "$file")" more "its last line"
		assert_exit 1 'not permitted' bash -c 'exec 3<>"$1"' - "$file"
		assert_fails truncate -s 0 "$file"
	done
	chattr -a "$LOCAL/grows" "$SERVER/grows"
fi
stop_guardfs
rm -rf "$RUN"

say "the local tier without passthrough"
conf_begin 'passthrough = no'
start_guardfs
parts "$MNT" "$LOCAL" "${ALL[@]}"
stop_guardfs
rm -rf "$RUN"

say "sshfs"
setup_one_box
start_guardfs
wait_healthy
parts "$COLD" "$SERVER" "${ALL[@]}"

say "raw sshfs"
mkdir "$WORK/raw" "$WORK/box/data/raw"
sshfs -f -p "$(cat "$WORK/box/port")" root@127.0.0.1:raw "$WORK/raw" -o "IdentityFile=$WORK/box/user_key" \
	-o "UserKnownHostsFile=$WORK/box/known_hosts" </dev/null >"$WORK/raw.log" 2>&1 &
wait_until 10000 mountpoint -q "$WORK/raw"
parts "$WORK/raw" "$WORK/box/data/raw" at_once big
umount "$WORK/raw"
