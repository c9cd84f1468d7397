# The read-ahead of the mount follows the rate at which a backend of type sftp gives what is read: much on a fast link, little
# on a slow one.
# limit: 120
# long: reads over a slow link until the read-ahead has followed it
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

DEADLINE_READ=20000
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold

box_start box 2222
relay_start far 2300 2222
mkdir -p "$SERVER"
head -c 16000000 /dev/urandom >"$SERVER/file"
conf_begin
PORT=2300 conf_box box
conf_tier box/jobs/cold cold
start_guardfs
wait_healthy box

readahead()
{
	cat "/sys/class/bdi/0:$(mountpoint -d "$MNT" | cut -d: -f2)/read_ahead_kb"
}

is_at_least()
{
	(($(readahead) >= $1))
}

is_at_most()
{
	(($(readahead) <= $1))
}

# read_all: as one that opens it now.
read_all()
{
	cp "$SERVER/file" "$SERVER/copy.$1"
	cmp "$COLD/copy.$1" "$SERVER/file"
}

say "a slow link"
relay far rate 4096
assert_eq "$(readahead)" 1024
read_all slow
assert_eq "$(readahead)" 1024

say "a fast one, with a delay"
relay far rate 0
relay far delay 5
read_all fast
wait_until 5000 is_at_least 4096

# A file that is read measures the link a few times, fewer on a busy machine. Each measurement halves what the rate known is too high, so the faster the
# fast link was, the more it takes.
say "it becomes slow: less, and no read is late"
relay far rate 4096
for ((n = 1; n <= 10; n++)); do
	read_all again.$n
	! poll_until 1000 is_at_most 2048 || break
done
echo "$(readahead) KiB after $n files"
assert_le "$(readahead)" 2048
assert_eq "$(status '.backends[0].counters.timeouts')" 0
assert_eq "$(status '.backends[0].epoch')" 1

stop_guardfs
