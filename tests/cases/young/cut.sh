# A session that is cut while a job works, at every 100 ms of it: neither worker nor crawler sees an error, and all that they
# have written is there. Raw sshfs beside it, cut in the same moment, shows what they would have seen.
# limit: 400
# long: ten cuts, each under a job of some seconds, beside raw sshfs
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

# On a slow or busy machine the login alone takes seconds, and a call more than the four that are the default (seen at a load of 15).
# Callers have to be able to wait for it there, too.
PATIENCE=$((30000 * SLOW))
DEADLINE_METADATA=$((25000 * SLOW)) DEADLINE_READ=$((25000 * SLOW)) DEADLINE_WRITE=60000 DEADLINE_SYNC=60000
PROBE_INTERVAL=5000 PROBE_TIMEOUT=$((4000 * SLOW)) BACKOFF_MIN=1000
JOB=$REPO/tests/cases/young/job.py
setup_one_box
sed -i '/^\[recovery\]/a recoveries_per_hour = 0' "$CONF"
start_guardfs
wait_healthy

# raw_sshfs_start: raw sshfs with the options that the job's host used, on the same box.
raw_sshfs_start()
{
	raw_sshfs_stop
	mkdir -p "$WORK/raw"
	sshfs -f -p "$(cat "$WORK/box/port")" -o "reconnect,ServerAliveInterval=15,ServerAliveCountMax=3,kernel_cache" \
		-o "StrictHostKeyChecking=yes,UserKnownHostsFile=$WORK/box/known_hosts,IdentityFile=$WORK/box/user_key" \
		root@127.0.0.1:"$WORK/box/data" "$WORK/raw" 2>/dev/null &
	echo $! >"$WORK/raw.pid"
	wait_until 10000 mountpoint -q "$WORK/raw"
}

raw_sshfs_stop()
{
	! mountpoint -q "$WORK/raw" || umount "$WORK/raw"
	[[ ! -s $WORK/raw.pid ]] || kill -9 "$(cat "$WORK/raw.pid")" 2>/dev/null || true
}

raw_bad=0
raw_sshfs_start
for ((moment = 100; moment <= ${MOMENTS:-1000}; moment += 100)); do
	python3 "$JOB" "$COLD/job-$moment" 1.2 >"$WORK/job.$moment" 2>&1 &
	job=$!
	python3 "$JOB" "$WORK/raw/raw-$moment" 1.2 >"$WORK/raw.$moment" 2>&1 &
	raw=$!
	sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))" # sleep-ok: the moment of the cut
	box_cut box
	wait "$job" || fail "cut after $moment ms: $(cat "$WORK/job.$moment" "$MNT/.guardfs/suspects")"
	wait "$raw" || raw_bad=$((raw_bad + 1))
	echo "cut after $moment ms: $(head -n 1 "$WORK/job.$moment"); raw sshfs: $(head -n 1 "$WORK/raw.$moment")"
	raw_sshfs_start
	wait_healthy
done
raw_sshfs_stop
echo "raw sshfs: $raw_bad jobs met errors"
assert_ge "$(backend_field box epoch)" 11 "connections"
assert_eq "$(backend_field box counters.errors)" 0 "errors that callers were given"
assert_eq "$(backend_field box counters.fast_fails)" 0 "fast failures"
