# durability = behind: workers are killed, and connections cut, while files are written that are acknowledged before storage has
# them. No writer sees an error, nothing is lost, and nothing is written twice (appends) or out of order.
# limit: 240
# long: kills and cuts, after each of which writers must have gone on, for each type
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

PATIENCE=10000
DEADLINE_METADATA=15000 DEADLINE_READ=15000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000
PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000 BACKOFF_MIN=100

cut_session()
{
	box_cut box
	wait_until 20000 backend_is box healthy
}

# has_gone_on JOB STEP: a few steps beyond, or ended.
has_gone_on()
{
	local now

	now=$(<"$WORK/progress")
	! kill -0 "$1" 2>/dev/null || ((${now:-0} >= $2 + 4))
}

# under FAULT SEED STEPS [MODE...]: order.py, and the fault again and again until it has ended.
under()
{
	local fault=$1 seed=$2 n=0 job at

	mkdir "$SERVER/$seed"
	echo 0 >"$WORK/progress"
	PROGRESS=$WORK/progress python3 "$REPO/tests/cases/behind/order.py" "$COLD/$seed" "$SERVER/$seed" "$seed" "${@:3}" >"$WORK/order.log" 2>&1 &
	job=$!
	while kill -0 $job 2>/dev/null; do
		"$fault"
		n=$((n + 1))
		at=$(<"$WORK/progress")
		# A request that meets its third fault is answered with an error, as one that may itself be the reason.
		wait_until 60000 has_gone_on $job "${at:-0}"
	done
	wait $job || fail "$fault, seed $seed, after $n: $(tail -n 3 "$WORK/order.log" | tr "\n" " ")"
	echo "$n times $fault: $(cat "$WORK/order.log")"
	assert_ge $n 2 "times $fault"
}

setup_far_box 2 'durability = behind'
sed -i '/^\[recovery\]/a recoveries_per_hour = 0\nflap_count = 0' "$CONF"
start_guardfs
wait_healthy box
under kill_worker 11 300 small
under cut_session 12 150 grow
under cut_session 13 150 append
assert_eq "$(backend_field box counters.errors)" 0 "errors that callers were given"
