# Round trips of programs as people run them, one by one: what the server is asked, and how many round trips of waiting that costs, guarded by
# either type (durability = behind) and through raw sshfs. The server delays each answer by TRIP_MS, so the figures stay what they are on a busy machine.
# BENCH_ONLY: that program alone. BENCH_TRIPS: a directory for the servers' logs.
. "$REPO/tests/bench/lib.sh"
. "$REPO/tests/bench/people.sh"
TRIP_MS=50 DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 PROBE_TIMEOUT=4000 PROBE_INTERVAL=60000
for who in sftp sshfs raw; do
	mkdir -p "$WORK/data/$who"
	: >"$WORK/$who.log"
	chmod 0666 "$WORK/$who.log"
	cat >"$WORK/ssh-$who" <<-END
		#!/bin/sh
		case "\$*" in *-V*|*-G*) exec ssh "\$@" ;; esac
		exec python3 $REPO/tests/lib/logging-server.py $WORK/data $WORK/$who.log 0.$(printf %03d "$TRIP_MS")
	END
	chmod 0755 "$WORK/ssh-$who"
done
conf_begin
conf 'backend a' 'type = sftp' 'stream = openssh' 'host = 127.0.0.1' 'user = root' "ssh_command = $WORK/ssh-sftp" "alias = $WORK/cold/a" \
	'durability = behind'
conf 'backend b' 'type = sshfs' 'host = 127.0.0.1' 'user = root' "sshfs_options = ssh_command=$WORK/ssh-sshfs" "alias = $WORK/cold/b" \
	'durability = behind'
conf_tier a/sftp sftp b/sshfs sshfs
start_guardfs
wait_healthy a 60000
wait_healthy b 60000
mkdir "$RAW"
sshfs -f root@127.0.0.1: "$RAW" -o "ssh_command=$WORK/ssh-raw" </dev/null >"$WORK/raw.out" 2>&1 &
echo $! >"$WORK/raw.pid"
wait_until 60000 mountpoint -q "$RAW"
declare -A mount=([sftp]=$MNT/sftp [sshfs]=$MNT/sshfs [raw]=$RAW/raw)

people_begin 6 3

# count TITLE PROGRAM FILLED
count()
{
	local title=$1 program=$2 filled=$3 who began ms
	local -A trips=()

	for who in raw sftp sshfs; do
		people_place "$WORK/data/$who/$program" "$filled"
		sleep 1.2 # sleep-ok: nothing is cached any more
		: >"$WORK/$who.log"
		SEEN=${mount[$who]}/$program
		began=$(now_ms)
		"$program" >/dev/null || fail "$title: $who"
		ms=$(($(now_ms) - began))
		trips[$who]=$(bc <<<"scale=1; $ms / $TRIP_MS")
		echo "$title: $who: ${trips[$who]} round trips, $(wc -l <"$WORK/$who.log") requests; waited for: $(
			python3 -B "$REPO/tests/bench/waited.py" "$WORK/$who.log" "0.$(printf %03d "$TRIP_MS")"
		)"
		[[ -z ${BENCH_TRIPS:-} ]] || cp "$WORK/$who.log" "$BENCH_TRIPS/$program.$who"
	done
	for who in sftp sshfs; do
		bc <<<"scale=2; ${trips[raw]} / ${trips[$who]}" | spread "$title $who, trips" raw '>= 1'
	done
}

people_each count
people_end
fusermount3 -u "$RAW"
wait "$(cat "$WORK/raw.pid")" || true
rm "$WORK/raw.pid"
stop_guardfs
