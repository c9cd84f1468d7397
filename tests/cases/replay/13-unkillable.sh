# Failure mode 13, reproduced on Debian 12: a hung server makes readers that nothing ends, not even SIGKILL. guardfs: every read is
# answered at its deadline, and who is killed before is gone at once.
# limit: 120
# long: waits for what must not return, and for deadlines
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"

DEADLINE_READ=4000 DEADLINE_METADATA=4000 PROBE_INTERVAL=20000 PROBE_TIMEOUT=15000
setup_one_box
for i in old one two; do
	head -c 300000 /dev/zero >"$SERVER/$i"
done

say "the old set-up, the server frozen: a read of an open file does not return"
old_mount
hold old read "$OLD_BASE/jobs/cold/old"
box_freeze
echo read >"$WORK/old.in"
cat "$OLD_BASE/jobs/cold/one" >/dev/null 2>&1 &
reader=$!
disown "$reader"
sleep 5 # sleep-ok: for what must not happen within it
assert_eq "$(wc -l <"$WORK/old.out")" 1 "lines of the reader that waits"
[[ -d /proc/$reader ]] || fail "cat came back on a frozen server"

say "a reader that is still opening its file, killed, is there 3 s later, in state D"
kill -KILL "$reader"
sleep 3 # sleep-ok: for what must not happen within it
is_gone "$reader" && fail "SIGKILL ended the reader"
assert_match "$(sed -n 's/^State:[[:space:]]*//p' "/proc/$reader/status")" '^D' "state of the reader"
cat "/proc/$reader/stack"
# One that waits for a page can be killed, on this kernel at least (6.18); it would go on waiting otherwise.
kill -KILL "$(cat "$WORK/old.pid")"
wait_until 3000 is_gone "$(cat "$WORK/old.pid")"
box_thaw
old_end
wait_until 5000 is_gone "$reader"
rm "$WORK/old.pid"

say "guardfs: a reader is answered at its deadline"
start_guardfs
wait_healthy
hold one read "$COLD/one"
hold two read "$COLD/two"
box_freeze
for name in one two; do
	echo read >"$WORK/$name.in"
done
cat "$COLD/never-opened" >/dev/null 2>&1 &
opening=$!
disown "$opening"
wait_value 3000 backend_field box inflight -ge 3
say "one that is killed before is gone within 1.5 s"
start=$(now_ms)
kill -KILL "$(cat "$WORK/two.pid")" "$opening"
wait_until 1500 is_gone "$(cat "$WORK/two.pid")"
wait_until 1500 is_gone "$opening"
took=$(($(now_ms) - start))
echo "gone after $took ms"
assert_le "$took" 1500 "until the killed readers were gone, ms"
rm "$WORK/two.pid"
wait_until $((DEADLINE_READ + 2000)) has_more_lines "$WORK/one.out" 1
check_result EIO 0 $((DEADLINE_READ + SLACK)) 'read' $(tail -n 1 "$WORK/one.out")

say "nothing of it is left: the same file can be read when the server is back"
box_thaw
wait_healthy box 30000
let_go one
cmp "$SERVER/two" "$COLD/two"
