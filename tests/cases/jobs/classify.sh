# guardctl classify tells storage's failures from a job's, and the example workers burn no retries on a frozen backend.
# limit: 120
# long: a frozen backend until it is down, and a worker's tries meanwhile
. "$REPO/tests/lib/lib.sh"

DEADLINE_WRITE=1500 DEADLINE_SYNC=1500
setup_one_box
export GUARDCTL="$GUARDCTL -c $CONF" PAUSE=0.2
cat >"$WORK/job" <<'END'
#!/bin/bash
# A job: notes that it ran, and writes.
echo ran >>"$1"
echo result >"$2"
END
chmod 0755 "$WORK/job"
examples=$REPO/docs/examples/worker

say "guardfs does not run: whatever failed, it was not the job"
assert_exit 75 '^.*infrastructure process' $GUARDCTL classify --path "$COLD/x"
start_guardfs
wait_until 15000 backend_is box healthy

say "healthy: by the errno alone"
for e in EIO 5 ETIMEDOUT ESTALE ENOSPC ENOTCONN ENETUNREACH ECONNREFUSED EHOSTUNREACH; do
	assert_exit 75 '^infrastructure ' $GUARDCTL classify --path "$COLD/x" --errno $e
done
for e in ENOENT 13 EPERM EROFS EBUSY EAGAIN ENODEV ENOTDIR EBADF ELOOP; do
	assert_exit 0 '^real ' $GUARDCTL classify --path "$COLD/x" --errno $e
done
assert_exit 75 'local tier' $GUARDCTL classify --path "$MNT/here" --errno EIO
assert_exit 0 '^real none box ' $GUARDCTL classify --path "$COLD/x"
assert_exit 0 '^real none local ' $GUARDCTL classify --path "$MNT/here"
assert_exit 100 'not below' $GUARDCTL classify --path /elsewhere
assert_exit 100 'no errno' $GUARDCTL classify --path "$COLD" --errno EWHAT
assert_exit 100 'needs --path' $GUARDCTL classify

say "a job that fails by itself uses its tries up"
rc=0
TRIES=2 "$examples/retry.sh" "$COLD" "$WORK/job" "$WORK/own" "$COLD/no/such/directory" 2>"$WORK/said" || rc=$?
assert_ne "$rc" 0 "exit status"
assert_eq "$(wc -l <"$WORK/own")" 2 "runs"
assert_exit 1 'No such file' "$examples/retry.py" "$COLD/no/such/log" 3

say "a frozen backend costs none"
box_freeze
wait_down
TRIES=1 "$examples/retry.sh" "$COLD" "$WORK/job" "$WORK/runs" "$COLD/result" 2>"$WORK/sh.said" &
sh=$!
"$examples/retry.py" "$COLD/log" 50 2>"$WORK/py.said" &
py=$!
GUARDCTL=/no/guardctl "$examples/retry.py" "$COLD/log.alone" 50 2>"$WORK/alone.said" &
alone=$!
# EIO comes at the write's deadline or at once; either way both have failed, and wait.
wait_until 20000 grep -q 'storage was to blame' "$WORK/sh.said"
wait_until 20000 grep -q 'storage was to blame' "$WORK/py.said"
wait_until 20000 grep -q 'storage was to blame' "$WORK/alone.said"
assert_exit 75 '^infrastructure [a-z_]+ box box is (down|recovering)' $GUARDCTL classify --path "$COLD/x"
assert_exit 0 '^real none local ' $GUARDCTL classify --path "$MNT/here"
box_thaw
wait "$sh" || fail "retry.sh gave up: $(cat "$WORK/sh.said")"
wait "$py" || fail "retry.py gave up: $(cat "$WORK/py.said")"
wait "$alone" || fail "retry.py gave up without guardctl: $(cat "$WORK/alone.said")"
assert_eq "$(wc -l <"$SERVER/log.alone")" 50 "lines of the log written without guardctl"
assert_eq "$(cat "$SERVER/result")" result "the job's file"
assert_eq "$(wc -l <"$SERVER/log")" 50 "lines of the log"
assert_ge "$(wc -l <"$WORK/runs")" 2 "runs"
assert_fails grep 'own fault' "$WORK/sh.said" "$WORK/py.said" "$WORK/alone.said"

say "just recovered: what failed meanwhile may have been storage's fault"
wait_until 15000 backend_is box healthy
wait_until 10000 assert_exit 75 '^infrastructure recovered box' $GUARDCTL classify --path "$COLD/x"
assert_exit 0 '^real real box' $GUARDCTL classify --path "$COLD/x" --errno ENOENT
