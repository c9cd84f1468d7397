# A state file is rewritten as fast as it can be, in the two ways in which crawlers do, while its writer, worker, sshfs and the server are killed, cut off
# and frozen at any moment. Whoever looks at the server sees a whole version, always; a reader through the mount a whole one, or an error; none goes
# back behind what was acknowledged. Raw sshfs, in the same run, shows half.
# types: sshfs sftp
# limit: 400
# long: three rounds of six faults, each with an outage that is waited for, then the same on raw sshfs; for each type
. "$REPO/tests/lib/lib.sh"

CRAWLER=$REPO/tests/cases/state/crawler.py
FILE=.archive_state.json
DEADLINE_METADATA=2000 DEADLINE_READ=2000 DEADLINE_WRITE=20000 DEADLINE_SYNC=20000 PROBE_INTERVAL=500 PROBE_TIMEOUT=500 BACKOFF_MAX=400 PATIENCE=5000

start_writer()
{
	python3 "$CRAWLER" write "$1" "$WORK/notes" &
	echo $! >"$WORK/writer.pid"
}
kill_writer()
{
	kill -KILL "$(cat "$WORK/writer.pid")"
	wait "$(cat "$WORK/writer.pid")" 2>/dev/null || true
	rm "$WORK/writer.pid"
}
start_watch()
{
	python3 "$CRAWLER" watch "$1" "$WORK/$2.seen" &
	echo $! >"$WORK/$2.pid"
}
end_watch()
{
	touch "$WORK/$1.seen.stop"
	wait "$(cat "$WORK/$1.pid")"
	rm "$WORK/$1.pid"
	echo "$1: $(cat "$WORK/$1.seen")"
}
seen()
{
	jq ".$2" "$WORK/$1.seen"
}
# The last version that was acknowledged.
acknowledged()
{
	awk '$2 == "ok" { n = $1 } END { print n + 0 }' "$WORK/notes"
}
has_gone_on()
{
	(($(acknowledged) > $1))
}
kill_sshfs()
{
	kill -KILL "$(sshfs_pid)"
}
cut_server()
{
	box_cut box
}
# Frozen, and then it is another one.
freeze_server()
{
	box_freeze box
	sleep 0.3 # sleep-ok: something is to be under way
	box_kill box
	box_restart box
}
rewriter()
{
	kill_writer
	start_writer "$COLD/$FILE"
}

# under FAULT: once, at any moment.
under()
{
	local before

	"$1"
	wait_healthy
	before=$(acknowledged)
	wait_until 30000 has_gone_on $((before + RANDOM % 3))
	# The writer is at it all the time: the server has what was acknowledged, or what came after.
	before=$(acknowledged)
	assert_ge "$(python3 "$CRAWLER" number "$SERVER/$FILE")" "$before" "version on the server after $1"
}

# never_half DURABILITY
never_half()
{
	local round fault kind

	say "guardfs never does: durability = $1"
	setup_one_box "durability = $1"
	sed -i '/^\[recovery\]/a recoveries_per_hour = 0\nflap_count = 0' "$CONF"
	start_guardfs
	wait_healthy
	python3 - "$CRAWLER" "$COLD/$FILE" <<'END'
import importlib.util, sys
spec = importlib.util.spec_from_file_location("crawler", sys.argv[1])
crawler = importlib.util.module_from_spec(spec)
spec.loader.exec_module(crawler)
crawler.rewrite(sys.argv[2], 1)
END
	echo "1 ok" >"$WORK/notes"
	start_writer "$COLD/$FILE"
	start_watch "$SERVER/$FILE" server
	start_watch "$COLD/$FILE" mount
	for round in 1 2 3; do
		for fault in kill_worker rewriter kill_sshfs rewriter cut_server freeze_server; do
			under $fault
		done
	done
	kill_writer
	end_watch server
	end_watch mount
	echo "$(acknowledged) versions acknowledged, errors: $(grep -vc ' begun$\| ok$' "$WORK/notes" || true)"
	assert_ge "$(seen server whole)" 100 "looks"
	assert_ge "$(seen mount whole)" 20 "looks through the mount"
	for kind in half missing older; do
		assert_eq "$(seen server $kind)" 0 "looks at the server that saw it $kind"
		assert_eq "$(seen mount $kind)" 0 "looks through the mount that saw it $kind"
	done
	assert_eq "$(ctl suspects --json | jq length)" 0 "suspects"
	stop_guardfs
	box_kill
	rm -rf "$WORK/box" "$STATE" "$WORK/notes" "$WORK"/*.seen*
}

setup_one_box
say "raw sshfs shows half"
raw_begin box
echo '{}' >"$SERVER/raw.json"
start_writer "$RAW/jobs/cold/raw.json"
start_watch "$SERVER/raw.json" peer
wait_until 20000 has_gone_on 200
kill_writer
end_watch peer
assert_ge "$(seen peer half)" 1 "looks that saw half"
raw_end
box_kill
rm -rf "$WORK/box" "$WORK/notes" "$WORK"/*.seen*

for durability in ${DURABILITY:-through behind}; do
	never_half "$durability"
done
