# Programs as people run them, on a tier over a link with a round trip of 5 and 20 ms: untar, rsync both ways, find, rm, a crawl by wget with
# its WARC. Guarded by either type (durability = behind), against raw sshfs with its own defaults, all three through one relay.
. "$REPO/tests/bench/lib.sh"
. "$REPO/tests/bench/people.sh"
ROUNDS=${BENCH_ROUNDS:-$(pick 5 3)}
far_box
relay far room 8192
mkdir -p "$WORK/box/data/jobs/sftp" "$WORK/box/data/jobs/sshfs" "$WORK/box/data/raw"
conf_begin
TYPE=sftp PORT=2300 conf_box box 'durability = behind'
far_backend other sshfs 'durability = behind'
conf_tier box/jobs/sftp sftp other/jobs/sshfs sshfs
far_serve other
declare -A mount=([sftp]=$MNT/sftp [sshfs]=$MNT/sshfs [raw]=$RAW/raw)
declare -A server=([sftp]=$WORK/box/data/jobs/sftp [sshfs]=$WORK/box/data/jobs/sshfs [raw]=$WORK/box/data/raw)
people_begin "$(pick 200 60)" 8

# measure RTT TITLE PROGRAM FILLED: rounds of all three in turn, each round beginning with another one.
measure()
{
	local rtt=$1 title=$2 program=$3 filled=$4 order=(sftp sshfs raw) round i who place began

	for ((round = 0; round < ROUNDS; round++)); do
		for ((i = 0; i < 3; i++)); do
			who=${order[(round + i) % 3]}
			place=$program-$rtt-$round
			people_place "${server[$who]}/$place" "$filled"
			SEEN=${mount[$who]}/$place
			began=$(now_ms)
			"$program" >/dev/null || fail "$title: $who"
			echo $(($(now_ms) - began)) >>"$WORK/$program-$rtt-$who"
			rm -rf "${server[$who]:?}/$place"
		done
	done
	for who in sftp sshfs; do
		paste "$WORK/$program-$rtt-raw" "$WORK/$program-$rtt-$who" | awk '{ printf "%.2f\n", $1 / $2 }' | spread "$rtt ms: $title $who" raw '>= 1'
		echo "$title: $who $(xargs <"$WORK/$program-$rtt-$who"), raw $(xargs <"$WORK/$program-$rtt-raw") ms"
	done
}

for rtt in ${BENCH_RTT:-20 5}; do
	relay far delay $((rtt / 2))
	people_each measure "$rtt"
done
people_end
raw_end
stop_guardfs
