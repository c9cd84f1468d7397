# The disk of the state directory hangs: a backend is recovered all the same, whoever asks for the history is told within the
# time limit that there is none now, and what happened is written when the disk is back.
# limit: 120
# long: two outages while the history cannot be written
. "$REPO/tests/lib/lib.sh"

setup_one_box
freezable_disk "$STATE" 32
start_guardfs
wait_until 15000 backend_is box healthy
wait_value 10000 status .journal == ok
keeper=$(process_pid keeper)

# Its history's thread, that is; keeper itself goes on.
history_waits()
{
	grep -qs '^State:	D' /proc/"$keeper"/task/*/status
}

say "it hangs; the backend is lost and found, twice"
fsfreeze -f "$STATE"
for ((i = 1; i <= 2; i++)); do
	box_kill
	wait_down
	wait_until 10000 history_waits
	box_restart
	wait_until 20000 backend_is box healthy
	assert_op OK 0 1500 stat "$COLD"
done
start=$(now_ms)
assert_exit 75 'has not answered within 15 s' ctl incidents
assert_le $(($(now_ms) - start)) 18000 ms

say "it is back: nothing is missing"
fsfreeze -u "$STATE"
wait_value 20000 incidents "[.incidents[] | select(.closed != 0)] | length" == 2
assert_eq "$(process_pid keeper)" "$keeper" keeper
assert_eq "$(status .keeper_restarts)" 0 "keepers replaced"
stop_guardfs
wait_until 10000 umount "$STATE"
