# peers.bash: the campaign's writers, oracle and faults against what people use otherwise: raw sshfs with reconnect, rclone mount, and guardfs. Each subject
# meets the same outages: the network silent, and cut with connections refused, for 2, 5 and 30 s, and a server that loses what was not synced. One line
# a subject and outage in WORK/peers.json, and a table at the end. Run by tests/campaign/run peers (make campaign-peers).
#
#     SUBJECTS, OUTAGES   some of them
. "$REPO/tests/campaign/campaign.bash"

SUBJECTS=${SUBJECTS:-sshfs rclone-off rclone-writes guardfs-through guardfs-behind}
OUTAGES=${OUTAGES:-silent:2 silent:5 silent:30 refused:2 refused:5 refused:30 power:5}
CROWD=${PEERS_CROWD:-warc:w1 warc:w2 state publish reader rsync}
HUNG_S=45
export CAMPAIGN_PEER=1 CAMPAIGN_HUNG=$HUNG_S

# ---- subjects: X_begin mounts the box, with its directory cold at PLACE; X_end ends it anyhow ----

begin_sshfs()
{
	mkdir -p "$WORK/raw"
	sshfs -f -p 2300 root@127.0.0.1: "$WORK/raw" -o "IdentityFile=$WORK/box/user_key,UserKnownHostsFile=$WORK/box/known_hosts,BatchMode=yes" \
		-o allow_other,reconnect,ServerAliveInterval=15,ServerAliveCountMax=3 </dev/null >>"$WORK/raw.log" 2>&1 &
	daemon=$!
	PLACE=$WORK/raw/cold
	wait_until 10000 mountpoint -q "$WORK/raw"
}

begin_rclone()
{
	mkdir -p "$WORK/raw"
	rclone --config /dev/null mount ":sftp,host=127.0.0.1,port=2300,user=root,key_file='$WORK/box/user_key',known_hosts_file='$WORK/box/known_hosts':$WORK/store" "$WORK/raw" \
		--cache-dir "$WORK/rclone" --vfs-cache-mode "$1" --allow-other </dev/null >>"$WORK/raw.log" 2>&1 &
	daemon=$!
	PLACE=$WORK/raw/cold
	wait_until 20000 mountpoint -q "$WORK/raw"
}

end_raw()
{
	# What it has not sent yet is given time.
	timeout 20 sync -f "$WORK/raw" 2>/dev/null || true
	umount -l "$WORK/raw" 2>/dev/null || true
	kill "$daemon" 2>/dev/null || true
	pause_ms 500
	kill -9 $(descendants_of "$daemon") "$daemon" 2>/dev/null || true
	wait "$daemon" 2>/dev/null || true
}

begin_guardfs()
{
	DURABILITY=$1
	DEADLINE_METADATA=4000 DEADLINE_READ=10000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000 PATIENCE=10000 PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
	BACKOFF_MIN=1000 BACKOFF_MAX=60000
	rm -rf "$RUN" "$STATE"/*
	rm -f "$CONF" "$WORK/store.out"
	conf_begin
	PORT=2300 conf_box box "durability = $DURABILITY"
	conf_tier box/cold cold
	campaign_start
	PLACE=$MNT/cold
}

begin_subject()
{
	case $1 in
	sshfs) begin_sshfs ;;
	rclone-*) begin_rclone "${1#rclone-}" ;;
	guardfs-*) begin_guardfs "${1#guardfs-}" ;;
	esac
}

end_subject()
{
	case $1 in
	guardfs-*) stop_guardfs ;;
	*) end_raw ;;
	esac
}

# ---- outages ----

begin_outage()
{
	case $1 in
	silent) relay far freeze ;;
	refused) relay far refuse ;;
	power) begin_power_cut ;;
	esac
}

end_outage()
{
	case $1 in
	power) end_power_cut ;;
	*) relay far thaw ;;
	esac
}

# A small file is written, closed and read, in time.
is_usable()
{
	timeout 2 bash -c 'echo "$1" >"$2/usable" && [[ $(<"$2/usable") == "$1" ]]' usable "$RANDOM$EPOCHREALTIME" "$PLACE"
}

# Nothing on the server changes any more: what is sent after close has been sent.
server_is_still()
{
	local now

	now=$(find "$SERVER" -type f -printf '%p %s %T@\n' | sort | sha256sum)
	[[ $now == "${seen:-}" ]] && ((still += 1)) || still=0
	seen=$now
	((still >= ${1:-6}))
}

monotonic()
{
	python3 -c 'import time; print(time.monotonic())'
}

# try_subject SUBJECT KIND SECONDS
try_subject()
{
	local subject=$1 kind=$2 seconds=$3 dir=$1-$2-$3 from to usable rc=0 marks='[]'

	rm -f "$WORK/cuts" "$WORK"/synced/*
	mkdir "$SERVER/$dir"
	begin_subject "$subject"
	python3 "$REPO/tests/campaign/crowd.py" "$PLACE/$dir" "$WORK/oracle-$dir" "$SEED" $CROWD >"$WORK/crowd.out" 2>&1 &
	crowd=$!
	pause_ms 3000
	from=$(monotonic)
	begin_outage "$kind"
	pause_ms $((seconds * 1000))
	end_outage "$kind"
	to=$(monotonic)
	poll_until 90000 is_usable || true
	usable=$(monotonic)
	pause_ms 3000
	touch "$WORK/oracle-$dir/stop"
	poll_until $(((HUNG_S + 15) * 1000)) is_gone $crowd || true
	still=0 seen=
	poll_until 60000 server_is_still 8 || true
	if [[ $subject == guardfs-* ]]; then
		poll_until 30000 nothing_is_pending || true
		{ ctl suspects --json || true; ctl suspects --settled --limit 1000 --json; } | jq -c . >"$WORK/suspects"
	fi
	end_subject "$subject"
	# Those that hung are free when nothing serves the mount any more.
	poll_until 10000 is_gone $crowd || kill -9 $(descendants_of "$crowd") "$crowd" 2>/dev/null || true
	wait $crowd 2>/dev/null || true
	crowd=
	[[ $subject == guardfs-* ]] || echo '[]' >"$WORK/suspects"
	python3 "$REPO/tests/campaign/judge.py" --peer "$SERVER/$dir" "" "$WORK/oracle-$dir" "$WORK/suspects" "cold/$dir" "$WORK/cuts" "$from" "$usable" | tail -n 1 |
		jq -c --arg subject "$subject" --arg kind "$kind" --argjson seconds "$seconds" --argjson from "$from" --argjson to "$to" --argjson usable "$usable" \
			'. + {subject: $subject, outage: $kind, seconds: $seconds, usable_after: ($usable - $to)}' | tee -a "$WORK/peers.json"
	rm -rf "$SERVER/$dir" "$WORK/oracle-$dir"
}

peers()
{
	local subject outage

	campaign_setup
	LASTING= KINDS=
	say "load: $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors; sshfs $(sshfs --version 2>&1 | head -n 1), $(rclone version 2>/dev/null | head -n 1)"
	for subject in $SUBJECTS; do
		[[ $subject != rclone-* ]] || command -v rclone >/dev/null || continue
		for outage in $OUTAGES; do
			try_subject "$subject" "${outage%:*}" "${outage#*:}"
		done
	done
	say "load: $(cut -d' ' -f1-3 /proc/loadavg)"
	python3 "$REPO/tests/campaign/table.py" "$WORK/peers.json"
	box_kill
	umount "$STATE" "$WORK/store"
}
