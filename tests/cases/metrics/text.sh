# The figures as Prometheus's own tool reads them: on a real mount with names that are hard to write down; the copy for
# node_exporter is always whole, readable by everybody, and gone at the end.
. "$REPO/tests/lib/lib.sh"

command -v promtool >/dev/null || skip "no promtool (package prometheus)"
setup_one_box
TEXTFILE=$WORK/textfile/guardfs.prom
mkdir "$WORK/textfile"
conf metrics "textfile = $TEXTFILE" 'healtharchive = yes'
conf jobs 'pattern = */[0-9]*__*'
odd='odd"name\{}é'
mkdir "$WORK/box/data/jobs/odd"
echo "$WORK/cold/box/jobs/odd $MNT/$odd" >>"$WORK/manifest"
start_guardfs
wait_healthy

# figure SERIES [FILE]: its value.
figure()
{
	SERIES=$1 awk 'index($0, ENVIRON["SERIES"] " ") == 1 {print $NF; found = 1} END {exit !found}' \
		"${2:-$MNT/.guardfs/metrics}"
}
figure_is()
{
	[[ $(figure "$1" "${3:-$MNT/.guardfs/metrics}") == "$2" ]]
}

say "clean, inside and outside"
wait_until 10000 test -s "$TEXTFILE"
wait_until 10000 figure 'guardfs_local_size_bytes{mount="test"}' "$TEXTFILE"
for file in "$MNT/.guardfs/metrics" "$TEXTFILE"; do
	assert_eq "$(promtool check metrics <"$file" 2>&1)" '' "promtool on $file"
done
assert_eq "$(stat -c %a "$TEXTFILE")" 644 "mode"
# The same names of series in both, whatever the values.
series()
{
	sed -n 's/^\([a-z].*\) [-0-9.]*$/\1/p' "$1" | sort
}
assert_eq "$(series "$TEXTFILE")" "$(series "$MNT/.guardfs/metrics")" "series inside and outside"
assert_eq "$(figure 'guardfs_local_size_bytes{mount="test"}')" \
	"$(($(stat -f -c '%b * %S' "$LOCAL")))" "size of the local tier"

say "names that are hard to write down"
written='odd\"name\\x5C{}é'
assert_eq "$(figure "guardfs_route_errno{mount=\"test\",route=\"$written\",backend=\"box\"}")" 0
assert_eq "$(figure "healtharchive_tiering_hot_path_ok{hot=\"$MNT/$written\"}")" 1

say "counting"
echo 12345 >"$COLD/file"
cat "$COLD/file" >/dev/null
assert_ge "$(figure 'guardfs_backend_written_bytes_total{mount="test",backend="box"}')" 6
assert_ge "$(figure 'guardfs_backend_latency_seconds_count{mount="test",backend="box",operation="write"}')" 1

say "a job: what is written where storage is, and who has files open"
mkdir -p "$LOCAL/hc/20240301T000000Z__hc-2024" "$WORK/box/data/jobs/cold/20260101T000500Z__crawl"
exec 7>"$COLD/20260101T000500Z__crawl/odd\"name"
echo 1234567 >&7
job="{mount=\"test\",directory=\"cold/20260101T000500Z__crawl\",tier=\"box\"}"
assert_eq "$(figure "guardfs_job_written_bytes_total$job")" 8
assert_eq "$(figure "guardfs_job_open_writers$job")" 1
assert_ge "$(figure "guardfs_job_progress_timestamp_seconds$job" | cut -d. -f1)" $(($(date +%s) - 10)) "progress"
assert_eq "$(promtool check metrics <"$MNT/.guardfs/metrics" 2>&1)" '' "promtool with a job"
exec 7>&-
wait_until 5000 figure_is "guardfs_job_open_writers$job" 0
head -c 4096 /dev/zero >"$MNT/hc/20240301T000000Z__hc-2024/data"
wait_until 5000 figure_is \
	'guardfs_job_written_bytes_total{mount="test",directory="hc/20240301T000000Z__hc-2024",tier="local"}' 4096
assert_eq "$(figure 'guardfs_jobs{mount="test"}')" 2

say "directories on the wrong tier; when not all can be seen, no figure rather than a wrong one"
misplaced='guardfs_misplaced_directories{mount="test",kind="shadowed"}'
wait_until 5000 figure_is "$misplaced" 0
mkdir "$LOCAL/cold"
touch "$LOCAL/cold/forgotten"
kill -HUP "$GUARDIAN"
wait_until 5000 figure_is "$misplaced" 1
mv "$LOCAL" "$LOCAL.away"
kill -HUP "$GUARDIAN"
wait_until 10000 not figure "$misplaced"
mv "$LOCAL.away" "$LOCAL"
rm -r "$LOCAL/cold"
kill -HUP "$GUARDIAN"
wait_until 10000 figure_is "$misplaced" 0

say "an outage, and its end"
box_kill
wait_down
wait_until 5000 figure_is 'guardfs_route_errno{mount="test",route="cold",backend="box"}' 5
wait_until 5000 figure_is 'guardfs_route_errno{mount="test",route="cold",backend="box"}' 5 "$TEXTFILE"
assert_eq "$(figure 'guardfs_backend_breaker_open{mount="test",backend="box"}')" 1
assert_eq "$(figure 'guardfs_backend_outages_total{mount="test",backend="box"}')" 1
assert_eq "$(figure "healtharchive_tiering_hot_path_errno{hot=\"$MNT/cold\"}")" 5
assert_eq "$(figure healtharchive_storagebox_mount_ok)" 0
assert_fails figure 'guardfs_backend_size_bytes{mount="test",backend="box"}'
assert_op EIO 0 1000 stat "$COLD/20260101T000500Z__crawl"
assert_fails cat "$COLD/20260101T000500Z__crawl/odd\"name"
assert_eq "$(promtool check metrics <"$TEXTFILE" 2>&1)" '' "promtool while it is down"
box_restart
wait_until 15000 backend_is box healthy
wait_until 5000 figure_is 'guardfs_backend_recoveries_total{mount="test",backend="box"}' 1
wait_until 5000 figure_is healtharchive_storage_hotpath_auto_recover_last_apply_ok 1
assert_eq "$(figure "healtharchive_tiering_hot_path_errno{hot=\"$MNT/cold\"}")" -1

say "whenever it is read it is whole, while keeper is killed again and again"
reads=0 end=$(($(now_ms) + 3000))
killer()
{
	local i

	for ((i = 0; i < 3; i++)); do
		kill -9 "$(process_pid keeper)"
		wait_value 5000 status .process_states.keeper == running
	done
}
killer &
killing=$!
while (($(now_ms) < end)); do
	text=$(cat "$TEXTFILE") || fail "it is not there"
	# The last family comes last.
	[[ ${text##*$'\n'} == healtharchive_storage_hotpath_auto_recover_apply_total\ * ]] || fail "cut off: ${text: -80}"
	reads=$((reads + 1))
done
wait "$killing"
echo "$reads reads"
assert_ge "$reads" 20 "reads"
wait_value 10000 figure "guardfs_keeper_restarts_total{mount=\"test\"}" "$TEXTFILE" -ge 3

say "a directory that is not there is told of once, and guarding goes on"
mv "$WORK/textfile" "$WORK/away"
wait_until 15000 grep -q "writing $TEXTFILE: No such file" "$WORK/guardfs.log"
mv "$WORK/away" "$WORK/textfile"
rm "$TEXTFILE"
wait_until 15000 test -s "$TEXTFILE"
assert_eq "$(grep -c "writing $TEXTFILE" "$WORK/guardfs.log")" 1 "times told"
assert_content "$COLD/file" 12345

stop_guardfs
for series in 'guardfs_health{mount="test",state="down"} 1' 'guardfs_mounted{mount="test"} 0' 'guardfs_worker_serving{mount="test"} 0' \
	'guardfs_process_up{mount="test",process="guardian"} 0' 'healtharchive_storagebox_mount_ok 0'; do
	grep -qxF "$series" "$TEXTFILE" || fail "the last figures do not say: $series"
done
promtool check metrics <"$TEXTFILE" || fail "the last figures are malformed"
rm "$TEXTFILE"
# What a keeper that was killed left half written has a name that the collector does not read.
assert_eq "$(find "$WORK/textfile" -name '*.prom' | wc -l)" 0
