# Programs as people run them, on a tier over a link with a round trip of 5 and 20 ms: untar, rsync both ways, find, a crawl by wget with
# its WARC. Guarded by either type (durability = behind), against raw sshfs with its own defaults, all three through one relay.
. "$REPO/tests/bench/lib.sh"
ROUNDS=$(pick 5 3)
FILES=$(pick 200 60)
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

# A tree as a program's source is: most files of some KiB, a few larger, eight to a directory; and a site of them.
make_tree()
{
	local i

	for ((i = 0; i < FILES; i++)); do
		mkdir -p "$1/d$((i / 8))"
		head -c $((i % 16 ? 600 + i * 37 % 9000 : 300000)) /dev/urandom | base64 >"$1/d$((i / 8))/f$i.html"
	done
}
make_tree "$WORK/tree"
tar -C "$WORK" -cf "$WORK/tree.tar" tree
(cd "$WORK/tree" && for f in */*; do echo "<a href=\"$f\">$f</a>"; done) >"$WORK/tree/index.html"
python3 -m http.server -b 127.0.0.1 -d "$WORK/tree" 8080 >/dev/null 2>&1 &
web=$!
wait_until 10000 answers_at 8080

# Each gets a directory of its own, of which nobody knows: there on the server, and seen through the mount as SEEN.
untar()
{
	tar -C "$SEEN" -xf "$WORK/tree.tar"
}
rsync_to()
{
	rsync -a "$WORK/tree" "$SEEN/"
}
rsync_from()
{
	rm -rf "$WORK/copy"
	rsync -a "$SEEN/tree" "$WORK/copy"
}
find_all()
{
	find "$SEEN" -type f -size +1k | wc -l
}
crawl()
{
	(cd "$SEEN" && wget -q -r -nH --warc-file=crawl http://127.0.0.1:8080/index.html) || (($? == 8)) # robots.txt is not there
	[[ -s $SEEN/crawl.warc.gz ]]
}

# measure TITLE PROGRAM RTT FILLED: rounds of all three in turn, each round beginning with another one.
measure()
{
	local title=$1 program=$2 rtt=$3 filled=$4 order=(sftp sshfs raw) round i who name began

	((${#BENCH_ONLY})) && [[ $title != *$BENCH_ONLY* ]] && return
	for ((round = 0; round < ROUNDS; round++)); do
		for ((i = 0; i < 3; i++)); do
			who=${order[(round + i) % 3]}
			name=$program-$rtt-$round
			mkdir "${server[$who]}/$name"
			((filled)) && cp -r "$WORK/tree" "${server[$who]}/$name/"
			SEEN=${mount[$who]}/$name
			began=$(now_ms)
			"$program" >/dev/null || fail "$title: $who"
			echo $(($(now_ms) - began)) >>"$WORK/$program-$rtt-$who"
			rm -rf "${server[$who]:?}/$name"
		done
	done
	for who in sftp sshfs; do
		paste "$WORK/$program-$rtt-raw" "$WORK/$program-$rtt-$who" | awk '{ printf "%.2f\n", $1 / $2 }' | spread "$rtt ms: $title $who" raw '>= 1'
		echo "$title: $who $(xargs <"$WORK/$program-$rtt-$who"), raw $(xargs <"$WORK/$program-$rtt-raw") ms"
	done
}

BENCH_ONLY=${BENCH_ONLY:-}
for rtt in ${BENCH_RTT:-20 5}; do
	relay far delay $((rtt / 2))
	measure untar untar "$rtt" 0
	measure 'rsync -a, to' rsync_to "$rtt" 0
	measure 'rsync -a, from' rsync_from "$rtt" 1
	measure find find_all "$rtt" 1
	measure 'wget -r with WARC' crawl "$rtt" 0
done
kill $web
raw_end
stop_guardfs
