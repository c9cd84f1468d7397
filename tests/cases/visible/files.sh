# alone
# .guardfs: what it holds, its form, that it cannot be changed, and that it answers at once while all else is stuck.
. "$REPO/tests/lib/lib.sh"

DEADLINE_METADATA=3000 PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
setup_one_box
start_guardfs
wait_healthy
wait_value 10000 status .state == ok
cat "$MNT/.guardfs/status"
assert_eq "$(ls "$MNT/.guardfs" | xargs)" 'backends health incidents jobs metrics routes status status.json suspects'
assert_eq "$(ls "$MNT/.guardfs/backends")" box
assert_match "$(cat "$MNT/.guardfs/health")" '^ok none [0-9]+( .*)?$'
assert_match "$(cat "$MNT/.guardfs/routes")" $'^cold\tbox\thealthy\tnone\t[0-9]+$'
for word in box healthy cold; do
	grep -q "$word" "$MNT/.guardfs/status" || fail "status does not speak of $word"
done

say "status.json has what was agreed on, inside and outside"
for file in "$MNT/.guardfs/status.json" "$RUN/status.json"; do
	jq -e --arg mnt "$MNT" --arg type "${TYPE:-sshfs}" '
		.schema == 1 and (.time | type == "number") and .name == "test" and .state == "ok" and .mountpoint == $mnt
		and ([.processes | .guardian, .worker, .keeper | type] | all(. == "number"))
		and (.worker_restarts | type == "number") and (.counters | type == "object")
		and (.backends[0] | .name == "box" and .type == $type and .state == "healthy" and .class == "none"
			and ([.since, .epoch, .pid, .attempts, .next_attempt | type] | all(. == "number")))
		and (.routes[0] | .path == "cold" and .backend == "box" and .state == "healthy" and .class == "none"
			and .errno == 0 and (.since > 1600000000))' "$file" >/dev/null || fail "$file: $(cat "$file")"
done
for process in guardian worker keeper; do
	[[ -d /proc/$(process_pid $process) ]] || fail "$process: no such process"
done
assert_eq "$(stat -c %a "$RUN/health")" 644 "mode of the outside file"

say "read-only"
for op in "create $MNT/.guardfs/x" "mkdir $MNT/.guardfs/x" "unlink $MNT/.guardfs/status" "rmdir $MNT/.guardfs" \
	"truncate $MNT/.guardfs/health" "chmod $MNT/.guardfs/health 0777" "rename $MNT/.guardfs $MNT/x" \
	"rename $MNT/.guardfs/status $MNT/.guardfs/x" "rmdir $MNT/.guardfs/backends/box" "mkdir $MNT/.guardfs/backends/x"; do
	read -r result us _ < <("$TOOLS/timed" $op)
	echo "$op: $result"
	[[ $result == @(EROFS|EBUSY|EXDEV|EPERM|ENOTEMPTY) ]] || fail "$op: $result"
done
assert_op EROFS 0 100 create "$MNT/.guardfs/x"
assert_op EROFS 0 100 unlink "$MNT/.guardfs/status"
assert_op EEXIST 0 100 mkdir "$MNT/.guardfs"
assert_op ENOENT 0 100 stat "$MNT/.guardfs/none"

say "read in pieces, from anywhere, several at once"
exec 7<"$MNT/.guardfs/status.json"
head -c 100 <&7 >"$WORK/a"
head -c 10 "$MNT/.guardfs/status.json" >/dev/null
cat <&7 >"$WORK/b"
exec 7<&-
cat "$WORK/a" "$WORK/b" | jq -e .schema >/dev/null || fail "read in two pieces it is no JSON"
assert_eq "$(tail -c 3 "$MNT/.guardfs/health" | wc -c)" 3
# A file of no known size must not be taken for empty.
cp "$MNT/.guardfs/status" "$WORK/copy"
[[ -s $WORK/copy ]] || fail "cp copied nothing"
assert_fails stat "$MNT/cold/.guardfs"

say "under 10 ms while a crowd is stuck"
stat "$COLD" >/dev/null # not listed: a name that is not there would be known
box_freeze
"$TOOLS/callers" -t 100 -o missing "$COLD" >/dev/null &
crowd=$!
wait_value 5000 backend_field box inflight -ge 90
for ((i = 0; i < 20; i++)); do
	assert_op OK 0 10 read "$MNT/.guardfs/status"
	assert_op OK 0 10 read "$MNT/.guardfs/health"
done
assert_op OK 0 10 readdir "$MNT/.guardfs"
assert_op OK 0 10 readdir "$MNT/.guardfs/backends"
wait "$crowd"
wait_down
assert_match "$(cat "$MNT/.guardfs/health")" '^down [a-z_]+ [0-9]+'
wait_value 3000 cat "$RUN/health" == 'down*'
