# Failure mode 3, 2026-01-09, the HC stall: the connection broke and came back, new files could be opened, and every file that a crawl
# had open gave EIO for ever; its log stood still, which is what a stalled crawl looks like. guardfs: the same open files go on, every
# byte that was acknowledged is there once, fsync says the truth, and a stall is blamed on whoever causes it.
# limit: 120
# long: two arrangements, and four outages with jobs that must stand still for a while
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"
. "$REPO/tests/cases/replay/crawl.bash"

DEADLINE_WRITE=12000 DEADLINE_SYNC=2000
JOB=hc/20260109T000000Z__hc-recrawl
box_start box
SERVER=$WORK/box/data/jobs/$JOB
mkdir -p "$SERVER" "$WORK/box/data/jobs/old"
conf_begin
conf_box box
conf_tier "box/jobs/$JOB" "$JOB"
conf jobs 'pattern = */[0-9]*__*'

# appended_or_ended SIZE: the server's WARC has grown beyond SIZE, or the caller that appends has ended.
appended_or_ended()
{
	(($(stat -c %s "$(warc_of "$SERVER")") > $1)) || [[ -s $WORK/result ]]
}

say "the old set-up: a connection breaks, sshfs makes another"
old_mount
echo "$OLD_BASE/jobs/old $OLD_JOBS/hot" >"$WORK/old-manifest"
old_apply "$WORK/old-manifest"
crawl old "$OLD_JOBS/hot"
assert_held OK 0 5000 old log 5
assert_held OK 0 5000 old warc 5
box_cut
wait_until 10000 old_base_is_fine
say "the base is fine, the hot path is fine, new files are fine; what the crawl has open is dead, and its log swallows that"
assert_eq "$(old_probe "$OLD_JOBS/hot")" '1 -1' "the hot path"
assert_held OK 0 5000 old new
for _ in 1 2 3; do
	assert_held OK 0 5000 old log 5
	assert_held EIO 0 5000 old warc 1
	assert_held EIO 0 5000 old sync
done
assert_eq "$(wc -l <"$(log_of "$WORK/box/data/jobs/old")")" 5 "lines of the log on the server"
let_go old
old_end

# blames [SECONDS]: who is to blame for the job's having made no progress for so long; nothing if it has made some.
blames()
{
	ctl stalled --require-no-progress-seconds "${1:-1}" --json | jq -r ".stalled[] | select(.name == \"$JOB\") | .blame"
}
written()
{
	status ".jobs[] | select(.name == \"$JOB\") | .written_bytes"
}
# reconnected EPOCH: by its own doing, to an epoch after that one.
reconnected()
{
	wait_value 15000 backend_field box epoch -gt "$1"
	wait_healthy
}

say "guardfs: a crawl that stands still while storage is well is blamed itself"
start_guardfs
wait_until 15000 backend_is box healthy
crawl new "$MNT/$JOB"
assert_held OK 0 5000 new log 5
assert_eq "$(blames 5)" '' "a job that has just written"
wait_value 10000 blames == crawl

say "the connection breaks between writes: no file notices"
assert_held OK 0 5000 new warc 5
assert_held OK 0 5000 new state
states=$(stat -c %s "$SERVER/.archive_state.json")
assert_acknowledged new "$SERVER"
epoch=$(backend_field box epoch)
box_cut
reconnected "$epoch"
assert_held OK 0 5000 new log 5
assert_held OK 0 5000 new warc 5
assert_held OK 0 5000 new sync
assert_acknowledged new "$SERVER"

say "amid writes: they wait, and none is lost or there twice"
held new warc 400 >"$WORK/result" &
appending=$!
for _ in 1 2; do
	size=$(stat -c %s "$(warc_of "$SERVER")")
	wait_until 10000 appended_or_ended "$size"
	epoch=$(backend_field box epoch)
	box_cut
	reconnected "$epoch"
done
wait "$appending"
assert_match "$(cat "$WORK/result")" '^OK ' "appending over two outages"
assert_acknowledged new "$SERVER"

say "while the server is gone: fsync doesn't lie, a write waits, storage is to blame"
assert_held OK 0 5000 new warc 1
box_kill
wait_down
assert_held EIO 1000 $((DEADLINE_SYNC + SLACK)) new sync
assert_held EIO 0 1000 new state
before=$(written)
held new log 3 >"$WORK/result" &
appending=$!
wait_value 5000 backend_field box parked -ge 1
wait_value 5000 blames == storage
assert_eq "$(written)" "$before" "bytes that the job has written"
assert_exit 75 '^infrastructure' ctl classify --path "$MNT/$JOB"
[[ ! -s $WORK/result ]] || fail "the write was answered while the server was gone: $(cat "$WORK/result")"

say "it is back: what waited is written, the fsync that succeeds found it there"
box_restart
wait "$appending"
wait_healthy
assert_held OK 0 5000 new sync
assert_acknowledged new "$SERVER"
assert_held OK 0 5000 new warc 10
assert_held OK 0 5000 new sync
assert_held OK 0 5000 new state
((states += $(stat -c %s "$SERVER/.archive_state.json")))
assert_acknowledged new "$SERVER"
cmp "$WORK/new.notes/state" "$SERVER/.archive_state.json"
assert_eq "$(written)" $((states + $(cat "$(log_of "$SERVER")" "$(warc_of "$SERVER")" | wc -c))) "bytes that the job has written"

say "frozen, not gone: the same, though the write was on its way"
box_freeze
assert_held EIO 1000 $((DEADLINE_SYNC + SLACK)) new sync
held new warc 3 >"$WORK/result" &
appending=$!
wait_down
box_thaw
wait "$appending"
assert_match "$(cat "$WORK/result")" '^OK ' "a write of the time when it was frozen"
wait_healthy
assert_held OK 0 5000 new sync
assert_acknowledged new "$SERVER"
let_go new
assert_acknowledged new "$SERVER"
assert_warc "$(warc_of "$MNT/$JOB")" 424
assert_eq "$(backend_field box counters.poisoned)" 0 "handles that were given up"
