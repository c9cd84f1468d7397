# A directory made at a path that matches a pattern goes to the backend; the route is kept over a restart.
. "$REPO/tests/lib/lib.sh"

box_start box
conf_begin
conf_box box
conf tier 'pattern = */[0-9]*__*-[0-9][0-9][0-9][0-9]0101 = box:jobs/'
start_guardfs
wait_healthy
mkdir "$MNT/hc"
JOB=hc/20260101T000500Z__hc-20260101
mkdir "$MNT/$JOB"
echo warc >"$MNT/$JOB/file"
assert_content "$WORK/box/data/jobs/$JOB/file" warc
assert_no_trace "$LOCAL" '20260101*'
assert_eq "$(route_field $JOB backend)" box
mkdir "$MNT/hc/20260101T000500Z__hc-20260102"
[[ -d $LOCAL/hc/20260101T000500Z__hc-20260102 ]] || fail "a path that does not match is not local"
assert_op EEXIST 0 1000 mkdir "$MNT/$JOB"

say "mkdir -p in one go, parents included"
mkdir -p "$MNT/cihr/20270101T000500Z__cihr-20270101/.tmp1/collections"
[[ -d $WORK/box/data/jobs/cihr/20270101T000500Z__cihr-20270101/.tmp1/collections ]] || fail "not on the server"

say "after a restart"
stop_guardfs
start_guardfs
wait_healthy
assert_content "$MNT/$JOB/file" warc
assert_eq "$(route_field $JOB backend)" box

say "while the backend is down nothing of it lands on the local disk"
box_kill
wait_down
assert_op EIO 0 50 mkdir "$MNT/hc/20280101T000500Z__hc-20280101"
assert_op EIO 0 50 create "$MNT/$JOB/new"
assert_no_trace "$LOCAL" '20280101*'
assert_missing "$LOCAL/$JOB"
box_restart
wait_healthy
assert_op OK 0 2000 mkdir "$MNT/hc/20280101T000500Z__hc-20280101"
[[ -d $WORK/box/data/jobs/hc/20280101T000500Z__hc-20280101 ]] || fail "not on the server"
