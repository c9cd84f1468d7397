# A healthy backend at 2 MiB/s under eight writers is slow, not down.
# types: sshfs sftp
# limit: 180
# long: eight writers at 2 MiB a second in all
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=4000 DEADLINE_READ=10000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000
PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
box_start box
mkdir -p "$WORK/box/data/jobs/cold"
relay_start link 3333 2222
conf_begin
PORT=3333 conf_box box
conf_tier box/jobs/cold cold
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
start_guardfs
wait_healthy
epoch=$(backend_field box epoch)
relay link rate 2048

for i in 1 2 3 4 5 6 7 8; do
	dd if=/dev/urandom of="$COLD/bulk-$i" bs=64k count=80 conv=fsync status=none &
	writers[i]=$!
done
states=''
while [[ -n $(jobs -rp | grep -xF "$(printf '%s\n' "${writers[@]}")") ]]; do
	states+=" $(backend_field box state)"
	"$TOOLS/timed" stat "$COLD/new-$RANDOM" >>"$WORK/stats"
	sleep 0.2 # sleep-ok: the rate of looking
done
for pid in "${writers[@]}"; do
	wait "$pid" || fail "a writer failed on a slow but healthy backend"
done
echo "states seen:$(tr ' ' '\n' <<<"$states" | sort | uniq -c | tr '\n' ' ')"
echo "stats meanwhile: $(cut -d' ' -f1 "$WORK/stats" | sort | uniq -c | tr '\n' ' ')"
for state in down recovering connecting; do
	[[ $states != *" $state"* ]] || fail "the backend was declared $state"
done
assert_eq "$(backend_field box epoch)" "$epoch" "epoch (no reconnect)"
relay link rate 0
for i in 1 2 3 4 5 6 7 8; do
	cmp "$COLD/bulk-$i" "$SERVER/bulk-$i"
	assert_eq "$(stat -c %s "$SERVER/bulk-$i")" $((80 * 65536)) "size of bulk-$i"
done
