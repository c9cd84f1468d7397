# people.sh: programs as people run them, and the site that they work on. lib.sh comes first.

# FUNCTION|FILLED|TITLE; FILLED: the tree is in its directory before.
PROGRAMS=('untar|0|tar -x' 'rsync_to|0|rsync -a, to' 'rsync_from|1|rsync -a, from' 'find_all|1|find' 'remove|1|rm -r' 'crawl|0|wget -r with WARC')

# people_begin FILES EACH: a tree of so many files, EACH of them to a directory: most of some KiB, a few larger, as a program's source is. A site of
# them stands at 127.0.0.1:8080.
people_begin()
{
	local i

	for ((i = 0; i < $1; i++)); do
		mkdir -p "$WORK/tree/d$((i / $2))"
		head -c $((i % 16 ? 600 + i * 37 % 9000 : 300000)) /dev/urandom | base64 >"$WORK/tree/d$((i / $2))/f$i.html"
	done
	tar -C "$WORK" -cf "$WORK/tree.tar" tree
	(cd "$WORK/tree" && for f in */*; do echo "<a href=\"$f\">$f</a>"; done) >"$WORK/tree/index.html"
	python3 -m http.server -b 127.0.0.1 -d "$WORK/tree" 8080 >/dev/null 2>&1 &
	echo $! >"$WORK/web.pid"
	wait_until 60000 answers_at 8080
}

people_end()
{
	kill "$(cat "$WORK/web.pid")"
}

# people_each COMMAND ARGUMENT...: runs it with TITLE FUNCTION FILLED of each program that BENCH_ONLY names.
people_each()
{
	local program function filled title

	for program in "${PROGRAMS[@]}"; do
		IFS='|' read -r function filled title <<<"$program"
		[[ $title == *${BENCH_ONLY:-}* ]] || continue
		"$@" "$title" "$function" "$filled"
	done
}

# people_place DIRECTORY FILLED: for one run, on the server.
people_place()
{
	mkdir "$1"
	((!$2)) || cp -r "$WORK/tree" "$1/"
}

# Each works in a directory of which nobody knows, seen as SEEN.
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
remove()
{
	rm -r "$SEEN/tree"
}
crawl()
{
	(cd "$SEEN" && wget -q -r -nH --warc-file=crawl http://127.0.0.1:8080/index.html) || (($? == 8)) # robots.txt is not there
	[[ -s $SEEN/crawl.warc.gz ]]
}
