# One freeze from the metric to the alert to its end, through Debian's own prometheus, node-exporter and alertmanager.
# limit: 240
# long: alerts and their ends, each after several rounds of scraping, evaluating and grouping
. "$REPO/tests/lib/lib.sh"

for program in prometheus promtool prometheus-node-exporter prometheus-alertmanager; do
	command -v "$program" >/dev/null || skip "no $program (scripts/install-deps test)"
done
setup_one_box
mkdir "$WORK/textfile"
sed -i 's/^manifest.*/&\npattern = *\/[0-9]*__*-[0-9][0-9][0-9][0-9]0101 = box:jobs\//' "$CONF"
conf metrics "textfile = $WORK/textfile/guardfs.prom" 'healtharchive = yes'

# daemon NAME COMMAND...: runs until the case ends; its pid is in WORK/NAME.pid.
daemon()
{
	local name=$1

	shift
	"$@" </dev/null >"$WORK/$name.log" 2>&1 &
	echo $! >"$WORK/$name.pid"
	disown $!
}

end_daemon()
{
	local pid

	pid=$(cat "$WORK/$1.pid")
	kill -TERM "$pid"
	wait_until 15000 is_gone "$pid"
	rm "$WORK/$1.pid"
}

get()
{
	wget -q -T 5 -O - "http://127.0.0.1:$1"
}

# What alertmanager sends to people comes here, one line each: firing or resolved, and the alert's name; in another file, why.
cat >"$WORK/receiver.py" <<'END'
import http.server, json, sys

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[1], "a") as out:
            for alert in message["alerts"]:
                out.write("%s %s %s\n" % (alert["status"], alert["labels"]["alertname"],
                                          alert["labels"].get("backend", "-")))
        with open(sys.argv[1] + ".why", "a") as out:
            for alert in message["alerts"]:
                out.write("%s %s %s\n" % (alert["status"], alert["labels"]["alertname"],
                                          alert["annotations"].get("why", "-")))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass

http.server.HTTPServer(("127.0.0.1", 9911), Receiver).serve_forever()
END
touch "$WORK/received"

cat >"$WORK/alertmanager.yml" <<'END'
route:
  receiver: people
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
receivers:
  - name: people
    webhook_configs:
      - url: http://127.0.0.1:9911/
        send_resolved: true
END
cat >"$WORK/prometheus.yml" <<'END'
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
  evaluation_interval: 500ms
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{targets: ['127.0.0.1:9093']}]
scrape_configs:
  - job_name: node
    static_configs: [{targets: ['127.0.0.1:9100']}]
END
# The rules as they are installed, but for their patience.
sed 's/^\( *for:\) .*/\1 1s/; s/\(metrics_timestamp_seconds >\) 60$/\1 15/' "$REPO/docs/examples/prometheus/guardfs-alerts.yml" >"$WORK/rules.yml"
promtool check config "$WORK/prometheus.yml" >/dev/null || fail "prometheus.yml"

start_guardfs
daemon receiver python3 "$WORK/receiver.py" "$WORK/received"
daemon exporter prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --collector.disable-defaults \
	--collector.textfile --collector.textfile.directory="$WORK/textfile"
daemon alertmanager prometheus-alertmanager --config.file="$WORK/alertmanager.yml" --storage.path="$WORK/alertmanager" \
	--web.listen-address=127.0.0.1:9093 --cluster.listen-address=
daemon prometheus prometheus --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb" \
	--web.listen-address=127.0.0.1:9090
wait_healthy

firing()
{
	get 9090/api/v1/alerts | jq -r '.data.alerts[] | select(.state == "firing") | .labels.alertname' | sort -u
}
fires()
{
	firing | grep -qx "$1"
}
is_calm()
{
	[[ $(get 9090/api/v1/query?query=guardfs_health | jq '.data.result | length') == 3 && -z $(firing) ]]
}
# at_alertmanager ALERT: is it active there?
at_alertmanager()
{
	get 9093/api/v2/alerts | jq -e --arg name "$1" \
		'any(.[]; .labels.alertname == $name and .status.state == "active" and .labels.mount == "test")'
}
value()
{
	get "9090/api/v1/query?query=$1" | jq -r '.data.result[0].value[1]'
}

say "all is well: the figures arrive, nothing fires"
wait_until 30000 is_calm
get 9100/metrics >"$WORK/scraped"
grep -q '^node_textfile_scrape_error 0$' "$WORK/scraped" || fail "node_exporter cannot read the textfile"
assert_eq "$(value guardfs_worker_serving)" 1
assert_eq "$(value healtharchive_storagebox_mount_ok)" 1

say "the backend freezes: the alert fires, reaches alertmanager, and people are told"
box_freeze
froze=$(now_ms)
wait_until 30000 fires GuardfsBackendDown
echo "fired $(($(now_ms) - froze)) ms after the freeze"
wait_until 10000 at_alertmanager GuardfsBackendDown
wait_until 10000 grep -qx 'firing GuardfsBackendDown box' "$WORK/received"
cat "$WORK/received.why"
grep -Eq '^firing GuardfsBackendDown (stalled|timeout): [a-z]' "$WORK/received.why" || fail "the alert says neither why nor what to do"
assert_eq "$(value healtharchive_storagebox_mount_ok)" 0
assert_eq "$(value "healtharchive_tiering_hot_path_errno")" 5
# The route is down because of its backend: that is told once.
! grep -qx GuardfsRouteDown <<<"$(firing)" || fail "the route is told of besides"

say "it thaws: the alert resolves, everywhere"
box_thaw
thawed=$(now_ms)
wait_until 30000 not fires GuardfsBackendDown
echo "resolved $(($(now_ms) - thawed)) ms after the thaw"
wait_until 15000 grep -qx 'resolved GuardfsBackendDown box' "$WORK/received"
wait_until 10000 not at_alertmanager GuardfsBackendDown
assert_eq "$(value guardfs_backend_outages_total)" 1

say "a route's directory is missing: that is told"
mv "$SERVER" "$SERVER.away"
wait_until 20000 fires GuardfsRouteDown
mv "$SERVER.away" "$SERVER"
wait_until 20000 not fires GuardfsRouteDown

say "an annual job lies on the local tier, made while guardfs was not there; then it is moved away"
misplaced=$LOCAL/hc/20250101T000500Z__hc-20250101
mkdir -p "$misplaced"
kill -HUP "$GUARDIAN"
wait_until 15000 fires GuardfsJobOnWrongTier
assert_eq "$(value 'guardfs_misplaced_directories{kind="misplaced"}')" 1
rmdir "$misplaced"
kill -HUP "$GUARDIAN"
wait_until 15000 not fires GuardfsJobOnWrongTier

say "something on the local tier that a route hides"
mkdir "$LOCAL/cold"
touch "$LOCAL/cold/forgotten"
kill -HUP "$GUARDIAN"
wait_until 15000 fires GuardfsJobOnWrongTier
assert_eq "$(value 'guardfs_misplaced_directories{kind="shadowed"}')" 1
rm -r "$LOCAL/cold"
kill -HUP "$GUARDIAN"
wait_until 15000 not fires GuardfsJobOnWrongTier

say "held, and let go"
ctl hold box --for 10m --reason work >/dev/null
wait_until 10000 fires GuardfsBackendHeld
ctl resume box >/dev/null
wait_until 20000 not fires GuardfsBackendHeld

say "unmounted by hand, though a file is open: that is told"
hold open append "$MNT/open"
umount -l "$MNT"
wait_until 20000 fires GuardfsNotMounted
guardian=$GUARDIAN GUARDIAN=0
let_go open
wait_until 10000 is_gone "$guardian"

say "guardfs has ended: its last figures say down, by every name, and that is told once"
wait_value 10000 value guardfs_process_up == 0
assert_eq "$(value 'guardfs_health{state="down"}')" 1
assert_eq "$(value guardfs_worker_serving)" 0
assert_eq "$(value healtharchive_storagebox_mount_ok)" 0
assert_eq "$(value healtharchive_tiering_hot_path_ok)" 0
assert_eq "$(value healtharchive_tiering_hot_path_errno)" 5
# As long as any rule would take to fire, and to be stale.
sleep 20 # sleep-ok: what must not happen cannot be waited for
assert_eq "$(firing)" GuardfsNotMounted

say "started again: it resolves; stopped in order: told again"
start_guardfs
wait_healthy
wait_until 30000 is_calm
wait_value 10000 value healtharchive_storagebox_mount_ok == 1
stop_guardfs
wait_value 20000 firing == GuardfsNotMounted

say "killed, all of it at once: the age of the figures tells"
start_guardfs
wait_healthy
wait_until 30000 is_calm
pids=$(status '.processes[]')
kill -9 $pids
for pid in $pids; do
	wait_until 10000 is_gone "$pid"
done
GUARDIAN=0
umount -l "$MNT"
wait_until 40000 fires GuardfsMetricsStale

say "the file is gone"
rm "$WORK/textfile/guardfs.prom"
wait_until 20000 fires GuardfsMetricsMissing
for name in prometheus alertmanager exporter receiver; do
	end_daemon "$name"
done
cat "$WORK/received"
