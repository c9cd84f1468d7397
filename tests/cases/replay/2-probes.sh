# Failure mode 2, 2026-01-08: the probes themselves hung or crashed: metrics writer, crawler, worker. guardfs, with its default
# deadlines: whatever asks about a hot path is answered below 5 s, with EIO; how things are can be read without touching it.
# limit: 180
# long: guardfs's default deadlines, the old probes being waited for in vain
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"

DEADLINE_METADATA=4000 DEADLINE_READ=10000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000 PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
setup_one_box
# A directory each: what was never looked at is in no cache, and the kernel lets changes of one directory wait for one another.
for i in 1 2 3 4 5 6 7 8; do
	mkdir -p "$SERVER/$i/dir"
	echo "content $i" >"$SERVER/$i/file"
done

say "the old set-up, the server frozen: the evidence probe does not come back within 5 s, nor when it is killed"
old_mount
echo "$OLD_BASE/jobs/cold $OLD_JOBS/hot" >"$WORK/old-manifest"
old_apply "$WORK/old-manifest"
box_freeze
timeout 5 ls "$OLD_JOBS/hot/1" >/dev/null 2>&1 &
evidence=$!
old_probe "$OLD_JOBS/hot/2" >"$WORK/probe" 2>&1 &
probe=$!
sleep 6 # sleep-ok: for what must not happen within it
[[ -d /proc/$evidence ]] || fail "timeout 5 ls came back on a frozen server"
[[ ! -s $WORK/probe ]] || fail "the watchdog's probe came back: $(cat "$WORK/probe")"
victims=("$evidence" "$probe" $(descendants_of "$evidence") $(descendants_of "$probe"))
kill -KILL "${victims[@]}"
sleep 1 # sleep-ok: for what must not happen within it
stuck=0
for pid in "${victims[@]}"; do
	# The two that are in the mount: ls and the watchdog's.
	if state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null) && [[ $state == D ]]; then
		((++stuck))
	fi
done
assert_eq "$stuck" 2 "processes that SIGKILL does not end"
box_thaw
old_end
wait "$evidence" "$probe" 2>/dev/null || true

say "guardfs: everything that asks about the hot path, at the moment when the server freezes"
start_guardfs
wait_healthy
ls "$COLD"/* >/dev/null
box_freeze
sleep 1 # sleep-ok: what the kernel has cached is over
calls=("stat $COLD/1/new" "open $COLD/2/file" "readdir $COLD/3/dir" "mkdir $COLD/4/made" "unlink $COLD/5/file"
	"create $COLD/6/created" "rename $COLD/7/file $COLD/7/moved" "access $COLD/8/new" "statvfs $COLD/8/dir"
	"stat $COLD" "stat $COLD/1")
for i in "${!calls[@]}"; do
	"$TOOLS/timed" ${calls[i]} >"$WORK/call.$i" &
	pids[i]=$!
done
start=$(now_ms) rc=0
timeout 5 ls "$COLD/1" >"$WORK/ls" 2>&1 || rc=$?
took=$(($(now_ms) - start))

say "while they hang, and afterwards, how things are can be read at once"
# The fastest of some must be within 10 ms, all far from any deadline: what else the machine does is not guardfs's.
for file in "$MNT/.guardfs/health" "$MNT/.guardfs/status.json" "$RUN/health"; do
	best=1000000
	for _ in {1..10}; do
		read -r result us jitter < <("$TOOLS/timed" read "$file")
		[[ $result == OK ]] || fail "reading $file: $result"
		assert_le "$((us - jitter))" 3000000 "reading $file, us"
		best=$((us < best ? us : best))
	done
	echo "reading $file: $best us"
	assert_le "$best" 10000 "reading $file, us"
done
echo "timeout 5 ls: exit status $rc after $took ms: $(cat "$WORK/ls")"
assert_ne "$rc" 124 "exit status of timeout 5 ls"
assert_le "$took" 5000 "timeout 5 ls, ms"
failed=0
for i in "${!calls[@]}"; do
	wait "${pids[i]}"
	read -r result us jitter <"$WORK/call.$i"
	echo "${calls[i]}: $result after $us us"
	# The size of the file system is what was last known, so that df and node_exporter never hang; and until the outage is
	# noticed sshfs answers for directories that it has just seen.
	[[ $result == EIO || $result == OK && ($i -ge ${#calls[@]}-3) ]] || failed=1
	((us - jitter < 5000000)) || failed=1
done
((failed == 0)) || fail "a call was not answered as it should"

say "down: told by the exit status, without touching the path"
wait_down
start=$(now_ms)
assert_exit 2 '^down [a-z_]+ [0-9]+ box' ctl health "$COLD/1"
assert_le $(($(now_ms) - start)) 3000 "guardctl health, ms"
assert_exit 0 '^ok .* local' ctl health "$MNT/elsewhere"
assert_exit 2 '^down' ctl health
assert_eq "$(old_probe "$COLD" "$COLD/1" "$COLD/2/dir" | sort -u)" '0 5' "the watchdog's probe"
box_thaw
wait_healthy box 30000
assert_eq "$(old_probe "$COLD/1")" '1 -1' "the hot path"
