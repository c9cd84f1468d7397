# Failure mode 7, 2026-01-24, thrash: the worker picked the same job many times a second while its directory was dead, then stood still
# for 6 hours. guardfs: a worker that asks the health of a path first does not try in vain, and a server that accepts and
# drops connections is asked with growing pauses.
# limit: 180
# long: a server that drops its connections for so long that the pauses grow to their bound
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"

BACKOFF_MIN=500 BACKOFF_MAX=4000
setup_one_box
cp "$WORK/box/sshd_config" "$WORK/sshd_config.good"

# box_drops: every login succeeds and every session ends at once; box_serves: as it should be.
box_drops()
{
	box_kill
	echo 'ForceCommand /bin/false' >>"$WORK/box/sshd_config"
	box_restart
}
box_serves()
{
	box_kill
	cp "$WORK/sshd_config.good" "$WORK/box/sshd_config"
	box_restart
}
accepted()
{
	grep -c '^Accepted' "$WORK/box/sshd.log" || true
}

# worker_loop DIRECTORY MS [COMMAND...]: picks its job again and again, if COMMAND lets it: writes its state into DIRECTORY.
# Prints how often it tried and how often that succeeded.
worker_loop()
{
	local directory=$1 end=$(($(now_ms) + $2)) tries=0 done=0

	shift 2
	while (($(now_ms) < end)); do
		if (($#)) && ! "$@" >/dev/null 2>&1; then
			continue
		fi
		((++tries))
		if { echo state >"$directory/state"; } 2>/dev/null; then
			((++done))
			sleep 0.2 # sleep-ok: the work
		fi
	done
	echo "$tries $done"
}

say "the old set-up, its sshfs dead: many tries a second, all in vain"
old_mount
echo "$OLD_BASE/jobs/cold $OLD_JOBS/hot" >"$WORK/old-manifest"
old_apply "$WORK/old-manifest"
old_kill
read -r tries done < <(worker_loop "$OLD_JOBS/hot" 3000)
echo "$tries tries in 3 s, $done in earnest"
assert_ge "$tries" 30 "tries in 3 s"
assert_eq "$done" 0 "tries in earnest"
old_end

say "the old set-up, a server that drops its connections: as many logins as tries"
old_mount
box_drops
before=$(accepted)
read -r tries done < <(worker_loop "$OLD_BASE/jobs/cold" 5000)
old_logins=$(($(accepted) - before))
echo "$tries tries, $done in earnest, $old_logins logins in 5 s"
assert_ge "$old_logins" 2 "logins in 5 s"
assert_ge "$old_logins" $((tries - 1)) "logins, one for each try"
old_end
box_serves

say "guardfs, the server drops its connections: the breaker keeps the worker from trying at all"
start_guardfs
wait_healthy
read -r tries done < <(worker_loop "$COLD" 1000 ctl health "$COLD")
assert_ge "$done" 1 "jobs done while all is well"
box_drops
start=$(now_ms)
wait_down
before=$(accepted)
window=12000
read -r tries done < <(worker_loop "$COLD" $window ctl health "$COLD")
logins=$(($(accepted) - before))
echo "$tries tries, $done in earnest, $logins logins in $window ms, $(backend_field box attempts) tries of keeper"
assert_eq "$tries $done" '0 0' "tries of the worker"

say "logins are bounded by the backoff"
# Pauses are three quarters of 500, 1000, 2000, 4000, 4000... at least; the first try comes at once, and there is one diagnosis.
most=3 # and one is brought forward: the server was away for a moment, and greeted
for ((at = 0, pause = BACKOFF_MIN; at < window; pause = pause * 2 > BACKOFF_MAX ? BACKOFF_MAX : pause * 2)); do
	at=$((at + pause * 3 / 4))
	((++most))
done
echo "at most $most"
assert_le "$logins" "$most" "logins"
assert_ge "$(backend_field box attempts)" 3 "tries"

say "the pauses grow, as the journal tells"
id=$(ctl incidents --json | jq '.incidents[0].id')
ctl incident "$id" --json | jq -r '.events[] | select(.kind == "plan") | .time * 1000 | floor' >"$WORK/tries"
mapfile -t times <"$WORK/tries"
assert_ge "${#times[@]}" 3 "tries in the journal"
gaps=()
for ((i = 1; i < ${#times[@]}; i++)); do
	gaps+=($((times[i] - times[i - 1])))
done
echo "between the tries, ms: ${gaps[*]}"
forward=$(ctl incident "$id" --json | jq '[.events[] | select(.kind == "note" and .name == "network")] | length')
assert_le "$forward" 1 "tries brought forward"
for ((i = 0, pause = BACKOFF_MIN; i < ${#gaps[@]}; i++, pause = pause * 2 > BACKOFF_MAX ? BACKOFF_MAX : pause * 2)); do
	# From there the backoff begins anew.
	if ((forward && gaps[i] < pause * 3 / 4)); then
		forward=0 pause=$((BACKOFF_MIN / 2))
		continue
	fi
	assert_ge "${gaps[i]}" $((pause * 3 / 4)) "pause $((i + 1)), ms"
done

say "the server is well again: who waits for it begins at once, and the first try is in earnest"
(
	ctl wait --state healthy --timeout 30s box
	worker_loop "$COLD" 1000 ctl health "$COLD"
) >"$WORK/woken" &
woken=$!
box_serves
wait "$woken"
read -r tries done <"$WORK/woken"
echo "$tries tries, $done in earnest"
assert_ge "$done" 1 "jobs done"
assert_eq "$done" "$tries" "tries in earnest"
assert_content "$SERVER/state" state
