# The power is cut amid writers: what fsync acknowledged is there after the next boot, on both tiers, and guardfs serves it.
# Two phases, before and after; scripts/check-kernels cuts the power at the line that the first one ends with.
# limit: 300
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=30000 DEADLINE_READ=30000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000
ROUNDS=5
RUN=/run/power-off # gone after a boot, as on any host

before()
{
	local tier

	setup_one_box
	mkdir -p "$LOCAL/work" "$SERVER/work"
	sync # keys and configurations: what may be lost is what is written from here on
	start_guardfs
	wait_healthy
	for tier in local cold; do
		[[ $tier == local ]] && dir=$MNT/work || dir=$COLD/work
		python3 "$REPO/tests/vm/synced.py" write "$dir" "$WORK/ledger-$tier" &
		# And a writer that syncs nothing: caches are full of what may be lost.
		while head -c 64K /dev/zero >"$dir/unsynced-$RANDOM"; do
			sleep 0.5 # sleep-ok: the rate of writing
		done &
	done
	for tier in local cold; do
		wait_value 200000 grep -c renamed "$WORK/ledger-$tier" -ge "$ROUNDS"
	done
	echo "power off now"
	wait
}

after()
{
	COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
	say "of $(wc -l <"$WORK/ledger-local") and $(wc -l <"$WORK/ledger-cold") things that had been synced"
	for tier in local cold; do
		assert_ge "$(grep -c renamed "$WORK/ledger-$tier")" "$ROUNDS" "lines of the ledger of $tier"
	done
	python3 "$REPO/tests/vm/synced.py" verify "$LOCAL/work" "$WORK/ledger-local"
	python3 "$REPO/tests/vm/synced.py" verify "$SERVER/work" "$WORK/ledger-cold"
	say "guardfs starts over what it left, and serves the same"
	box_restart
	start_guardfs
	wait_healthy
	python3 "$REPO/tests/vm/synced.py" verify "$MNT/work" "$WORK/ledger-local"
	python3 "$REPO/tests/vm/synced.py" verify "$COLD/work" "$WORK/ledger-cold"
	wait_value 10000 cat "$RUN/health" == 'ok*'
	assert_eq "$(find "$STATE" -name '*.tmp*')" '' "leftovers of what was being written"
	stop_guardfs
}

"$1"
