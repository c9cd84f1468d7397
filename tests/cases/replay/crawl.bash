# crawl.bash: a crawl that goes on while storage comes and goes; see crawler.py. Commands are given to it as to a file
# that is held: held, assert_held, let_go.
CRAWLER=$REPO/tests/cases/replay/crawler.py

# crawl NAME DIRECTORY [COMMAND...]: a crawler with its files open in DIRECTORY; what was acknowledged to it is kept in
# WORK/NAME.notes. COMMAND, if given, is what it is run by (setpriv..., nsenter...).
crawl()
{
	local name=$1 directory=$2

	shift 2
	rm -f "$WORK/$name.in" "$WORK/$name.out"
	mkfifo "$WORK/$name.in"
	"$@" python3 "$CRAWLER" "$directory" "$WORK/$name.notes" 0<>"$WORK/$name.in" >"$WORK/$name.out" 2>&1 &
	echo $! >"$WORK/$name.pid"
	wait_until 10000 test -s "$WORK/$name.out"
	[[ $(cat "$WORK/$name.out") == OK* ]] || fail "the crawler cannot begin: $(cat "$WORK/$name.out")"
}

# What the crawler has open, below a job directory.
log_of()
{
	echo "$1/archive_initial_-_attempt_1_20260109_000000.combined.log"
}
warc_of()
{
	echo "$1/.tmpcrawl/collections/crawl-1/archive/rec-0.warc.gz"
}

# assert_acknowledged NAME SERVER_DIRECTORY: there lies, byte for byte and in its order, what was acknowledged, once.
assert_acknowledged()
{
	cmp "$WORK/$1.notes/log" "$(log_of "$2")" || fail "the log on the server is not what was acknowledged"
	cmp "$WORK/$1.notes/warc" "$(warc_of "$2")" || fail "the WARC on the server is not what was acknowledged"
}

# assert_warc PATH RECORDS: as the archive verifies it (to the end of the last member), and that many records in it.
assert_warc()
{
	gzip -t "$1" || fail "$1 is damaged"
	assert_eq "$(gzip -dc "$1" | grep -ac '^WARC-Record-ID')" "$2" "records of $1"
}
