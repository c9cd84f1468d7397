# A backend of type sftp against the best of what it could be replaced by, through one relay: sshfs with its defaults (raw), sshfs
# as somebody sets it who knows it (tuned), rclone, and a backend of type sshfs (over). docs/PERFORMANCE.md has what it says.
. "$REPO/tests/bench/lib.sh"
ROUNDS=${BENCH_ROUNDS:-$(pick 5 3)}
DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000 PROBE_TIMEOUT=4000
PEERS=${BENCH_PEERS:-over raw tuned rclone}
MIB=${BENCH_MIB:-$(pick 64 32)}
BIG=${BENCH_BIG:-256}
ENTRIES=${BENCH_ENTRIES:-$(pick 10000 2000)}
box_start box 2222
relay_start far 2300 2222
relay far room 16384
DATA=$WORK/box/data
mkdir -p "$DATA/jobs/cold" "$DATA/jobs/over" "$DATA/jobs/through" "$DATA/raw"

wants()
{
	[[ " $PEERS " == *" $1 "* ]]
}

conf_begin
TYPE=sftp PORT=2300 conf_box box 'durability = behind' ${BENCH_CONF:+"$BENCH_CONF"}
tiers=(box/jobs/cold cold)
if wants over; then
	conf 'backend other' 'type = sshfs' 'host = 127.0.0.1' 'port = 2300' 'user = root' "identity = $WORK/box/user_key" \
		"known_hosts = $WORK/box/known_hosts" "alias = $WORK/cold/other" 'durability = behind'
	tiers+=(other/jobs/over over)
fi
conf_tier "${tiers[@]}"
start_guardfs
wait_healthy box
! wants over || wait_healthy other

# sshfs_peer NAME OPTION...
sshfs_peer()
{
	local at=$WORK/peers/$1

	mkdir -p "$at"
	ln -s "$(command -v ssh)" "$WORK/ssh-$1"
	sshfs -f -p 2300 "root@127.0.0.1:" "$at" -o "IdentityFile=$WORK/box/user_key,UserKnownHostsFile=$WORK/box/known_hosts" \
		-o "ssh_command=$WORK/ssh-$1,BatchMode=yes,allow_other${2:+,$2}" </dev/null >>"$WORK/$1.log" 2>&1 &
	echo $! >"$WORK/$1.pid"
	wait_until 10000 mountpoint -q "$at"
}

# What it keeps of a directory is older than the files that are made there behind its back: the rows that look at new files are not for it.
rclone_peer()
{
	local at=$WORK/peers/rclone

	mkdir -p "$at"
	rclone mount ":sftp,host=127.0.0.1,port=2300,user=root,key_file=$WORK/box/user_key,known_hosts_file=$WORK/box/known_hosts:$DATA" "$at" \
		--config /dev/null --log-file "$WORK/rclone.log" --allow-other --vfs-cache-mode off --dir-cache-time 1s --attr-timeout 1s \
		</dev/null >>"$WORK/rclone.log" 2>&1 &
	echo $! >"$WORK/rclone.pid"
	wait_until 15000 mountpoint -q "$at"
}

places=("sftp=$MNT/cold:$DATA/jobs/cold")
! wants over || places+=("over=$MNT/over:$DATA/jobs/over")
if wants raw; then
	sshfs_peer raw
	places+=("raw=$WORK/peers/raw/raw:$DATA/raw")
fi
if wants tuned; then
	sshfs_peer tuned 'max_conns=4,Ciphers=aes128-gcm@openssh.com'
	echo 4096 >"/sys/class/bdi/$(mountpoint -d "$WORK/peers/tuned")/read_ahead_kb"
	places+=("tuned=$WORK/peers/tuned/raw:$DATA/raw")
fi
if wants rclone; then
	rclone_peer
	places+=("rclone=$WORK/peers/rclone/raw:$DATA/raw")
fi

aim()
{
	echo '>= 1'
}

# On-CPU nanoseconds of the processes that serve a place, one line a process: pid, name, ns.
cpu_of()
{
	local root=$GUARDIAN pid

	[[ ! -f $WORK/$1.pid ]] || root=$(cat "$WORK/$1.pid")
	# sshfs's ssh is nobody's child.
	for pid in "$root" $(descendants_of "$root") $(pgrep -x "ssh-$1"); do
		cat "/proc/$pid"/task/*/schedstat 2>/dev/null |
			awk -v pid="$pid" -v name="$(cat "/proc/$pid/comm" 2>/dev/null)" '{ t += $1 } END { printf "%s %s %.0f\n", pid, name, t }'
	done
}

# stream NAME DIR BACKING read|write: MiB/s, and CPU seconds per GiB of what serves it.
stream()
{
	local at=$1-$RANDOM before after from=/dev/zero to=/dev/null ms

	mkdir "$3/$at"
	if [[ $4 == read ]]; then
		dd if=/dev/zero of="$3/$at/data" bs=1M count="$BIG" status=none
		from=$2/$at/data
	else
		to=$2/$at/data
	fi
	ls "$2/$at" >/dev/null
	before=$(cpu_of "$1")
	ms=$(date +%s%3N)
	dd if="$from" of="$to" bs=1M count="$BIG" status=none
	ms=$(($(date +%s%3N) - ms))
	after=$(cpu_of "$1")
	rm -r "${3:?}/$at"
	awk -v ms="$ms" -v mib="$BIG" -v what="$1 $4 at $rtt ms, load $(cut -d' ' -f1 /proc/loadavg)" '
		NR == FNR { t[$1] = $3; next }
		{ d = ($3 - t[$1]) / 1e9; sum += d; if (d > 0.02) each = each sprintf(" %s %.2f", $2, d * 1024 / mib) }
		END { printf "stream %s: %.0f MiB/s, CPU s/GiB %.2f:%s\n", what, mib * 1000 / ms, sum * 1024 / mib, each }' \
		<(echo "$before") <(echo "$after")
}

# Small reads while a large file is written beside them: the time of an open with a read, peers' divided by ours.
beside()
{
	local round place dirs ms ours
	local -A took

	for place in "${places[@]}"; do
		dirs=${place#*=}
		head -c 16000000 /dev/zero >"${dirs#*:}/small"
	done
	for ((round = 0; round < ROUNDS; round++)); do
		for place in "${places[@]}"; do
			dirs=${place#*=}
			ms=$(python3 "$REPO/tests/bench/beside.py" "${dirs%:*}/small" "${dirs%:*}/large" 4)
			echo "beside at $rtt ms: ${place%%=*} $ms (median and 90th percentile in ms, MiB written), load $(cut -d' ' -f1 /proc/loadavg)"
			took[${place%%=*}]+=" ${ms%% *}"
			rm "${dirs#*:}/large"
		done
	done
	read -ra ours <<<"${took[sftp]}"
	for place in "${places[@]:1}"; do
		for ((round = 0; round < ROUNDS; round++)); do
			echo "${took[${place%%=*}]}" | awk -v n=$((round + 1)) -v ours="${ours[round]}" '{ printf "%.3f\n", $n / ours }'
		done | spread "$rtt ms: read beside a writer sftp" "${place%%=*}" '>= 1'
	done
}

# BENCH_RTT: of those alone; BENCH_ONLY: a pattern of the rows' titles.
some()
{
	[[ $1 =~ ${BENCH_ONLY:-.} ]] || return 0
	echo "load: $(cut -d' ' -f1 /proc/loadavg)"
	compare "$rtt ms: $1" aim "${@:2}" "${places[@]}"
}

# PSS of all that serves, the transport included, in MiB; with a backend of type sshfs, that one's processes too.
at_rest()
{
	local pid

	for pid in "$GUARDIAN" $(descendants_of "$GUARDIAN"); do
		cat "/proc/$pid/smaps_rollup" 2>/dev/null || true
	done | awk '/^Pss:/ { kb += $2 } END { printf "%.1f\n", kb / 1024 }'
}

if [[ rest =~ ${BENCH_ONLY:-.} ]]; then
	sleep 4 # sleep-ok: memory is given back two seconds after the last request
	at_rest | spread 'memory at rest, MiB, sftp' - "$(wants over && echo - || echo '<= 20')"
fi
if [[ trips =~ ${BENCH_ONLY:-.} ]]; then
	relay far delay 100
	python3 "$REPO/tests/bench/trips.py" 200 "${places[@]}"
fi
for rtt in ${BENCH_RTT:-5 20}; do
	relay far delay $((rtt / 2))
	files=$((rtt ? 200 : 2000))
	some 'read 1 MiB, cold' -n "$MIB" read-1m-cold
	some 'random 4 KiB, cold' -n $((files / 2)) read-4k-cold
	some 'write 1 MiB' -n "$MIB" write-1m-close
	some 'lstat' -n $files stat
	some 'lstat, 32 callers' -t 32 -n $((files * 8)) stat
	some 'ls -l' -n "$ENTRIES" readdir-stat
	[[ ! beside =~ ${BENCH_ONLY:-.} ]] || beside
	[[ stream =~ ${BENCH_ONLY:-.} ]] || continue
	for place in "${places[@]}"; do
		for way in read write; do
			dirs=${place#*=}
			stream "${place%%=*}" "${dirs%:*}" "${dirs#*:}" $way
		done
	done
done
for peer in raw tuned rclone; do
	wants $peer || continue
	fusermount3 -u "$WORK/peers/$peer"
	wait "$(cat "$WORK/$peer.pid")" || true
done
stop_guardfs
