# What is read and written below a job's directory is counted, on both tiers, by io and by stat, across workers; errors too.
# limit: 120
# long: writes that wait until their deadline, and workers that die
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$WORK/box/data/jobs/cold/hc/20260101T000000Z__a"
conf jobs 'pattern = */[0-9]*__*' 'pattern = cold/hc/[0-9]*__*' 'pattern = imports/*'
start_guardfs
wait_until 15000 backend_is box healthy

# job NAME COLUMN: from .guardfs/jobs.
job()
{
	timeout 5 cat "$MNT/.guardfs/jobs" | awk -F'\t' -v job="$1" -v column="$2" '
		NR == 1 { sub(/^# /, ""); for (i = 1; i <= NF; i++) at[$i] = i }
		$1 == job { print $at[column] }'
}
cold=cold/hc/20260101T000000Z__a
a=$MNT/$cold

say "the cold tier, counted at every read and write"
assert_eq "$(job $cold tier)" '' "nothing known of a job before a file of it is opened"
exec 3>>"$a/log"
assert_eq "$(job $cold writers)" 1 writers
printf 0123456789 >&3
printf 0123456789 >&3
assert_eq "$(job $cold written) $(job $cold by) $(job $cold tier) $(job $cold state)" '20 io box healthy' "cold job"
assert_le $(($(date +%s) - $(job $cold progress))) 2 "age of the progress"
cat "$a/log" >/dev/null
assert_eq "$(job $cold read) $(job $cold open) $(job $cold opens)" '20 1 2' "read"
mkdir "$a/.tmp1"
dd if=/dev/zero of="$a/.tmp1/warc" bs=64k count=16 status=none conv=fsync
assert_eq "$(job $cold written)" $((20 + 1024 * 1024)) "written below it"
exec 3>&-
wait_value 2000 job $cold writers == 0

say "the local tier: by stat where the kernel writes by itself"
local=hc/20260102T000000Z__b
mkdir -p "$MNT/$local/deep/er" "$MNT/imports/one" "$MNT/hc/other"
exec 3>>"$MNT/$local/deep/er/log"
dd if=/dev/zero bs=4096 count=10 status=none >&3
by=io
[[ $(status .passthrough) == true ]] && by=stat
assert_eq "$(job $local by) $(job $local tier) $(job $local writers)" "$by local 1" "local job"
wait_value 3000 job $local written == 40960
say "by $by"
assert_le $(($(date +%s) - $(job $local progress))) 3 "age of the progress"
progress=$(job $local progress)
: >"$MNT/hc/other/file"
: >"$MNT/imports/one/file"
assert_eq "$(job hc/other tier)$(job imports tier)" '' "no jobs"
assert_eq "$(job imports/one writers)" 0 "another pattern"
say "a link from another directory of the same job, and a file without a name"
ln "$MNT/$local/deep/er/log" "$MNT/$local/warc"
python3 - "$MNT/$local" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_TMPFILE | os.O_RDWR)
os.write(fd, b"x" * 100)
os.close(fd)
END
wait_value 3000 job $local written == 41060

say "what was counted outlives workers; open files are counted again"
opens=$(job $local opens)
kill -9 "$(process_pid worker)"
wait_value 10000 job $local writers == 1
assert_eq "$(job $local written) $(job $local opens) $(job $cold written)" "41060 $opens $((20 + 1024 * 1024))" "after a worker's death"
dd if=/dev/zero bs=4096 count=1 status=none >&3
wait_value 3000 job $local written == $((41060 + 4096))
exec 3>&-
wait_value 2000 job $local writers == 0
assert_ge "$(job $local progress)" "$progress" "progress"

say "errors that its callers got, by class: a write that waited until its deadline"
hold log append "$a/log"
box_freeze
assert_held EIO 0 $((DEADLINE_WRITE + 500)) log write lost
job $cold errors
assert_match "$(job $cold errors)" '(^|,)timeout=1(,|$)' "errors"
assert_eq "$(job $cold last_error)" timeout "last error"
assert_match "$(job $cold state)" 'down|recovering' "state"
assert_eq "$(job $local errors)" '-' "errors of the local job"
box_thaw
wait_until 20000 backend_is box healthy
let_go log

say "outside the mount, by keeper; and guardctl jobs"
wait_until 8000 jq -e ".jobs[] | select(.name == \"$local\" and .writers == 0)" "$RUN/status.json"
ctl jobs
assert_match "$(ctl jobs)" "$local .*local" "guardctl jobs"
assert_eq "$(ctl jobs --json | jq -r ".[] | select(.name == \"$cold\") | .tier")" box "tier"
assert_ge "$(ctl jobs --json | jq ".[] | select(.name == \"$cold\") | .errors.timeout")" 1 "errors"
