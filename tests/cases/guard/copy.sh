# A file copied within a tier by copy_file_range(2), as cp does: the kernel asks for all of it at once, and a healthy link that
# needs longer for that than one write may take must not fail it.
# limit: 120
# long: a copy over a slow link that takes longer than a deadline for writes
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=3000 DEADLINE_SYNC=10000 PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
box_start box
mkdir -p "$WORK/box/data/jobs/cold"
relay_start link 3333 2222
conf_begin
PORT=3333 conf_box box
conf_tier box/jobs/cold cold
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
head -c 24M /dev/urandom >"$SERVER/file"
start_guardfs
wait_healthy
relay link rate 4096

before=$(now_ms)
cp --reflink=auto "$COLD/file" "$COLD/copy"
assert_ge $(($(now_ms) - before)) $((DEADLINE_WRITE + 1000)) "time it took, ms (else this case shows nothing)"
cmp "$SERVER/file" "$SERVER/copy"
assert_eq "$(backend_field box counters.timeouts)" 0 timeouts
