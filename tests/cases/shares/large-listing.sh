# A large directory takes longer to list than one answer may take, and its entries come all the while: it is listed whole, the
# backend stays up, and what others have written and not synced is theirs still. Raw sshfs lists it in the same run. A
# listing of which nothing comes any more is answered by the deadline all the same.
# limit: 60
. "$REPO/tests/lib/lib.sh"

ENTRIES=12000 RATE_KIB=500
box_start box
mkdir -p "$WORK/box/data/jobs/cold/large" "$WORK/raw"
(cd "$WORK/box/data/jobs/cold/large" && seq -f 'an-entry-with-a-name-as-long-as-that-of-a-page-%06g' 1 $ENTRIES | xargs touch)
relay_start link 3333 2222
conf_begin
PORT=3333 conf_box box
conf_tier box/jobs/cold cold
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
start_guardfs
wait_healthy
sshfs -o "IdentityFile=$WORK/box/user_key,UserKnownHostsFile=$WORK/box/known_hosts,port=3333,direct_io" \
	127.0.0.1:jobs/cold "$WORK/raw"
epoch=$(backend_field box epoch)
hold writer write "$COLD/elsewhere"
assert_held OK 0 8000 writer write 65536
relay link rate $RATE_KIB

# list DIRECTORY: prints how many entries, and in WORK/took how many ms it took.
list()
{
	local from

	from=$(now_ms)
	ls -f "$1" | grep -c an-entry
	echo $(($(now_ms) - from)) >"$WORK/took"
}

assert_eq "$(list "$WORK/raw/large")" $ENTRIES "entries by raw sshfs"
raw=$(cat "$WORK/took")
fusermount3 -u "$WORK/raw"
assert_eq "$(list "$COLD/large")" $ENTRIES "entries by guardfs"
ours=$(cat "$WORK/took")
say "raw sshfs $raw ms, guardfs $ours ms"
assert_ge "$raw" $((2 * DEADLINE_METADATA)) "the listing is not long enough to show anything, ms"
assert_le "$ours" $((raw * 3 / 2 + 500)) "guardfs is slower than what it guards, ms"
assert_eq "$(backend_field box epoch)" "$epoch" "epoch (no reconnect)"
assert_eq "$(backend_field box counters.timeouts)" 0 "timeouts"
assert_held OK 0 8000 writer fsync
assert_eq "$(stat -c %s "$SERVER/elsewhere")" 65552 "size of what was written"

say "the server stands still in the middle of a listing"
cp -r "$SERVER/large" "$SERVER/another" # sshfs remembers a listing
assert_op EIO $DEADLINE_METADATA $((3 * DEADLINE_METADATA)) readdir "$COLD/another" &
listing=$!
wait_value 5000 backend_field box inflight -gt 0
box_freeze
wait $listing || fail "the listing that stood still"
wait_down
