# An outage of some seconds is seen in its seconds: in the journal, on the page of the incident, and in the report of a time, which links it.
. "$REPO/tests/lib/lib.sh"

setup_one_box
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
wait_value 10000 cat "$RUN/health" == 'ok*'

say "nothing has happened yet"
wait_value 60000 ctl report =~ 'box +100.000 %  down for 0 ms in 0 incidents'

# Callers that ask all the while, and try again.
python3 - "$COLD" "$WORK/enough" <<'END_OF_CALLERS' &
import os, sys, threading
def ask():
    while not os.path.exists(sys.argv[2]):
        try:
            os.stat(sys.argv[1] + "/file%d" % os.getpid())
        except OSError:
            pass
for _ in range(4):
    threading.Thread(target=ask).start()
END_OF_CALLERS
callers=$!
wait_value 10000 backend_field box recent.ops -gt 0

say "an outage"
box_freeze
wait_down
wait_value 30000 backend_field box incident -gt 0
sleep 2 # sleep-ok: the outage shall have some length
box_thaw
wait_until 60000 backend_is box healthy
wait_value 10000 incidents '.incidents | map(select(.closed > 0)) | length' == 1
touch "$WORK/enough"
wait "$callers"

id=$(ctl incidents --json | jq '.incidents[0].id')
ctl incident "$id" --json >"$WORK/incident.json"
# Samples of the incident: as many as its length asks for, whatever that was; none of them longer than the incident.
read -r seconds samples longest states < <(jq -r '.incident as $i | [.samples[] | select(.time > $i.began and .time - .seconds < $i.recovered)] |
	"\($i.recovered - $i.began) \(length) \(map(.seconds) | max) \(map(.state) | unique | length)"' "$WORK/incident.json")
say "$seconds s, $samples samples of at most $longest s, in $states states"
assert_ge "$samples" 5 "samples of the outage"
assert_eq "$(bc <<<"$longest <= 1.5 || $longest < $seconds / 4")" 1 "the longest sample, $longest s"
assert_ge "$states" 2 "states seen"
jq -e '.incident as $i | [.samples[] | select(.time <= $i.began and .seconds < 5 and .ops > 0)] | length > 0' "$WORK/incident.json" >/dev/null ||
	fail "nothing fine from before it: $(jq -c '[.samples[] | {time, seconds, ops}]' "$WORK/incident.json")"
jq -e '[.samples | sort_by(.time) | range(1; length) as $i | .[$i].time - .[$i].seconds - .[$i - 1].time] | all(. > -1)' "$WORK/incident.json" >/dev/null ||
	fail "samples overlap"

say "its page"
ctl report "$id" --html -o "$WORK/page.html"
assert_ge "$(grep -c 'class="curve' "$WORK/page.html")" 2 "curves"
grep -qE 'class="curve p99" d="M[0-9]' "$WORK/page.html" || fail "no latency is drawn"
grep -q 'class="silent"' "$WORK/page.html" || fail "that nothing came back is not drawn"

say "the report of a time"
ctl report --since 1h >"$WORK/report"
cat "$WORK/report"
grep -qE 'box +[0-9.]+ %  down for .* in 1 incident$' "$WORK/report" || fail "availability"
grep -q 'nothing is recorded from before' "$WORK/report" || fail "an hour is not recorded"
grep -qE "^ +$id  " "$WORK/report" || fail "the longest"
ctl report --since 1h --html --output "$WORK/last month.html"
grep -q "href=\"./last%20month-$id.html\"" "$WORK/last month.html" || fail "no link: $(grep href "$WORK/last month.html")"
grep -q '</html>' "$WORK/last month-$id.html" || fail "what is linked is no page"
assert_exit 100 "" "$GUARDCTL" -c "$CONF" report --since nonesuch
assert_exit 100 "" "$GUARDCTL" -c "$CONF" report "$id"
assert_exit 100 "" "$GUARDCTL" -c "$CONF" report "$id" --html --since 1h

say "more incidents than one answer has: all are counted, also what has gone on since before them"
stop_guardfs
sqlite3 "$STATE/history.sqlite" "
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
	INSERT INTO incidents (kind, scope, backend, class, began, detected, recovered, closed, callers, failed, bytes_at_risk, tries, routes)
	SELECT 'incident', 'backend', 'flapping', 'stalled', t, t, t + 1000000000, t + 1000000000, 0, 0, 0, 0, '[]'
	FROM (SELECT (strftime('%s', 'now') - 20000 + i * 6) * 1000000000 AS t FROM n);
	INSERT INTO incidents (kind, scope, backend, class, began, detected, recovered, closed, callers, failed, bytes_at_risk, tries, routes)
	SELECT 'incident', 'backend', 'gone', 'stalled', t, t, 0, t + 90000 * 1000000000, 0, 0, 0, 0, '[]'
	FROM (SELECT (strftime('%s', 'now') - 80000) * 1000000000 AS t)"
start_guardfs
wait_healthy
wait_value 10000 ctl report --since 12h =~ 'flapping +[0-9.]+ %  down for .* in 2500 incidents'
ctl report --since 12h | tee "$WORK/report"
grep -qE 'gone +0.000 %  down for .* in 1 incident$' "$WORK/report" || fail "what has been down all the time is not told"
