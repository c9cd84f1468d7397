# The journal cannot be written when files become suspect: the arena keeps them, over the death of keeper, until it can.
. "$REPO/tests/lib/lib.sh"

n_suspects()
{
	ctl suspects --json | jq length
}

rows()
{
	sqlite3 "$STATE/history.sqlite" 'SELECT count(*) FROM suspects'
}

is_listed()
{
	grep -q "cold/$1\$" "$MNT/.guardfs/suspects"
}

written()
{
	[[ $(rows) == 2 ]]
}

another_keeper()
{
	[[ $(process_pid keeper) != "$1" ]]
}

lose()
{
	fault "write error ENOSPC path=$1"
	python3 - "$COLD/$1" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
assert os.write(fd, b"x" * 1000) == 1000
try:
    os.fsync(fd)
    sys.exit("no error")
except OSError as e:
    assert e.errno == errno.ENOSPC, e
# It stood there before the error did.
if not any(line.rstrip("\n").endswith("/" + os.path.basename(sys.argv[1])) for line in
           open(sys.argv[1].split("/cold/")[0] + "/.guardfs/suspects")):
    sys.exit("not listed when the error was seen")
END
}

setup_dir 'durability = behind' 'filter = fault' "fault_control = $WORK/fault"
conf recovery 'settle = no'
start_guardfs
wait_healthy store
wait_value 10000 status .journal == ok

say "somebody else holds the database"
mkfifo "$WORK/sql"
sqlite3 "$STATE/history.sqlite" <"$WORK/sql" >"$WORK/sql.out" 2>&1 &
exec 5>"$WORK/sql"
printf 'BEGIN IMMEDIATE;\nSELECT "held";\n' >&5
wait_until 10000 grep -q held "$WORK/sql.out"
lose first
wait_value 15000 status .journal == 'locked*'

say "keeper dies, and the next one cannot write either"
keeper=$(process_pid keeper)
kill -9 "$keeper"
wait_until 10000 another_keeper "$keeper"
is_listed first || fail "lost with keeper"
lose second
wait_value 5000 n_suspects -eq 2
assert_eq "$(rows)" 0 "rows while the database was held"

say "it lets go: both are written"
printf 'ROLLBACK;\n' >&5
exec 5>&-
wait_until 30000 written
