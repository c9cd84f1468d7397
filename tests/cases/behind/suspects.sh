# An outage that loses what was acknowledged: the file is named with the exact ranges before its writer sees the error, the
# journal has it, and after the recovery guardfs finds out by itself what has become of it. Its limit: one server, one outage; what
# becomes of many files under all kinds of faults is for the campaign.
# limit: 240
# types: sshfs sftp
# long: outages that last longer than a writer's deadline, and slow looks at what they left
. "$REPO/tests/lib/lib.sh"

n_suspects()
{
	ctl suspects --json | jq length
}

DEADLINE_WRITE=2000 DEADLINE_SYNC=2000
PATIENCE=0

# suspect FIELD FILE: of the suspect with that path below the mount.
suspect()
{
	ctl suspects --json | jq -r --arg path "$2" ".[] | select(.path == \$path) | $1"
}

verdict_is()
{
	[[ $(suspect .verdict "$1") == "$2" ]]
}


setup_far_box 5 'durability = behind'
conf jobs 'pattern = cold/*'
start_guardfs
wait_healthy box
mkdir "$SERVER/crawl"

say "a writer of WARC records: the first are synced, then the server is gone for longer than the writer waits"
python3 - "$COLD/crawl/rec.warc.gz" "$WORK" <<'END' >"$WORK/writer" 2>&1 &
import errno, gzip, os, sys, time

def record(n):
    body = os.urandom(1500)
    head = b"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:x:%d>\r\nContent-Length: %d\r\n\r\n" % (n, len(body))
    return gzip.compress(head + body + b"\r\n\r\n")

path, work = sys.argv[1:]
fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
synced = sum(os.write(fd, record(n)) for n in range(20))
os.fsync(fd)
with open(work + "/synced.new", "w") as f:
    f.write(str(synced))
os.rename(work + "/synced.new", work + "/synced")
while not os.path.exists(work + "/down"):
    time.sleep(0.02)  # sleep-ok: polling
acked = synced + sum(os.write(fd, record(n)) for n in range(20, 40))
open(work + "/acked", "w").write(str(acked))
try:
    os.fsync(fd)
except OSError as e:
    assert e.errno == errno.EIO, e
else:
    sys.exit("no error")
END
writer=$!
wait_until 10000 test -s "$WORK/synced"
box_kill
wait_down
touch "$WORK/down"
wait $writer || fail "$(cat "$WORK/writer")"
synced=$(cat "$WORK/synced") acked=$(cat "$WORK/acked")
assert_ge "$acked" $((synced + 20000)) "bytes acknowledged while the server was gone"

say "named with the very range, while the server is still gone"
listed()
{
	grep -qP "^\d+\tbox\tlost\tpending\t$synced-$((acked - 1))\t$acked\t0\t0\tcold/crawl\tcold/crawl/rec.warc.gz\$" "$MNT/.guardfs/suspects"
}
wait_until 5000 listed
assert_eq "$(suspect '.ranges | map("\(.from) \(.to)") | join(",")' cold/crawl/rec.warc.gz)" "$synced $acked"
assert_exit 1 "bytes $synced to $((acked - 1)) .acknowledged" ctl suspects
assert_eq "$(ctl suspects --job cold/crawl --json | jq length) $(ctl suspects --job cold/other --json | jq length)" "1 0"
assert_eq "$(ctl jobs --json | jq '.[] | select(.name == "cold/crawl") | .suspects')" 1 "files of the job that need a look"
assert_eq "$(getfattr --only-values -n user.guardfs.suspects "$MNT")" 1

say "the journal has it: a new keeper, and a guardfs that begins anew, know it, too"
written()
{
	[[ $(sqlite3 "$STATE/history.sqlite" "SELECT settled || json_extract(record, '$.verdict') FROM suspects") == 0pending ]]
}
wait_until 10000 written
keeper=$(process_pid keeper)
kill -9 "$keeper"
wait_value 10000 process_pid keeper != "$keeper"
wait_until 5000 listed
stop_guardfs
start_guardfs
wait_until 5000 listed

say "the server is back: guardfs finds out by itself"
box_restart
wait_healthy
wait_until 20000 verdict_is cold/crawl/rec.warc.gz truncated
assert_eq "$(suspect '"\(.at) \(.whole_to) \(.found_size)"' cold/crawl/rec.warc.gz)" "$synced $synced $synced"
assert_match "$(ctl suspects)" "truncated at byte $synced, whole to $synced"
assert_eq "$(stat -c %s "$SERVER/crawl/rec.warc.gz")" "$synced" "bytes on the server"
told()
{
	sqlite3 "$STATE/history.sqlite" "SELECT text FROM events WHERE name = 'suspect' AND outcome = 'truncated'" | grep -q rec.warc.gz
}
wait_until 10000 told
grep -q 'guardfs_suspect_files{.*backend="box".*verdict="truncated"} 1' "$MNT/.guardfs/metrics" || fail "$(grep suspect "$MNT/.guardfs/metrics")"

say "it keeps its mark under another name, and under two"
mv "$COLD/crawl" "$COLD/moved"
wait_until 5000 verdict_is cold/moved/rec.warc.gz truncated
assert_eq "$(ctl suspects --job cold/moved --json | jq length)" 1
ln "$COLD/moved/rec.warc.gz" "$COLD/moved/warc-000001.warc.gz"
wait_until 5000 verdict_is cold/moved/warc-000001.warc.gz truncated
rm "$COLD/moved/rec.warc.gz"
wait_value 5000 n_suspects -eq 1
assert_match "$(ctl suspects --settled)" 'cold/moved/rec.warc.gz'
assert_match "$(ctl suspects --settled)" 'gone: removed through the mount'

say "written to again: it is looked at once more, and never called whole"
: >>"$COLD/moved/warc-000001.warc.gz"
wait_until 20000 verdict_is cold/moved/warc-000001.warc.gz unknown
assert_match "$(ctl suspects)" 'something newer may be in the place'

say "accepted by an operator"
assert_exit 1 'no such file needs a look' ctl suspects accept cold/nothing
grep -q '^1 file accepted' <<<"$(ctl suspects accept cold/moved)" || fail "not accepted"
assert_exit 0 'no file needs a look' ctl suspects
assert_eq "$(ctl suspects --settled --json | jq -r 'map(.verdict) | sort | join(" ")')" 'accepted gone'
