# A backend that answers, but slowly, becomes degraded after a while, and healthy again after a while: never down.
. "$REPO/tests/lib/lib.sh"

setup_dir 'filter = fault'
sed -i 's/^\[recovery\]/&\nslow_metadata = 200ms\nslow_for = 10s/' "$CONF"
start_guardfs
wait_until 15000 backend_is store healthy
# Traffic all the time, of names that nobody can have cached.
(i=0; while [[ ! -e $WORK/enough ]]; do stat "$COLD/name$((i++))" >/dev/null 2>&1 || true; sleep 0.05; done) & # sleep-ok: a calm caller
traffic=$!
say "slow"
echo 'metadata delay 400' >"$RUN/fault.store"
wait_until 40000 backend_is store degraded
assert_eq "$(backend_field store class)" slow
assert_match "$(cat "$MNT/.guardfs/health")" '^degraded slow '
say "quick again: not at once, but in a while"
: >"$RUN/fault.store"
backend_is store degraded || fail "no hysteresis"
wait_until 40000 backend_is store healthy
touch "$WORK/enough"
wait "$traffic" || true
assert_eq "$(ctl incidents --json | jq '.incidents | length')" 0 "slowness is no incident"
assert_ge "$(backend_field store latency.metadata.p99_us)" 400000 "99th percentile, us"
