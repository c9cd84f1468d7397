# The disk of the textfile hangs: keeper goes on, and recovers a backend; the figures are renewed when the disk is back; guardfs
# can be stopped all the same.
# limit: 120
# long: waits until keeper notices that its child does not end, and that it does
. "$REPO/tests/lib/lib.sh"

setup_one_box
freezable_disk "$WORK/textfile" 16
TEXTFILE=$WORK/textfile/guardfs.prom
conf metrics "textfile = $TEXTFILE"
start_guardfs
wait_healthy
wait_until 10000 test -s "$TEXTFILE"
keeper=$(process_pid keeper)

age()
{
	echo $(($(date +%s) - $(stat -c %Y "$TEXTFILE")))
}
is_old()
{
	(($(age) >= 7))
}
is_new()
{
	(($(age) <= 5))
}
hangs()
{
	grep -qs '^State:	D' $(child_status)
}
child_status()
{
	local pid

	for pid in $(cat "/proc/$keeper/task/$keeper/children"); do
		echo "/proc/$pid/status"
	done
}

say "the disk hangs: a child of keeper's does, and keeper does not"
fsfreeze -f "$WORK/textfile"
wait_until 10000 hangs
wait_until 15000 is_old
box_kill
wait_down
box_restart
wait_healthy
assert_op OK 0 1500 stat "$COLD"
wait_until 20000 grep -q "writing $TEXTFILE: it does not end" "$WORK/guardfs.log"
assert_eq "$(grep -c "writing $TEXTFILE" "$WORK/guardfs.log")" 1 "times told"

say "it is back: so are the figures, those of now"
fsfreeze -u "$WORK/textfile"
wait_until 10000 is_new
wait_until 10000 grep -q '^guardfs_backend_recoveries_total{mount="test",backend="box"} 1' "$TEXTFILE"
assert_eq "$(process_pid keeper)" "$keeper" keeper
assert_eq "$(status .keeper_restarts)" 0 "keepers replaced"

say "it hangs again, and guardfs is stopped"
fsfreeze -f "$WORK/textfile"
wait_until 10000 hangs
start=$(now_ms)
stop_guardfs
assert_le $(($(now_ms) - start)) 6000 "ms"
fsfreeze -u "$WORK/textfile"
wait_until 10000 umount "$WORK/textfile"
