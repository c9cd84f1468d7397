# type = command: what the program says while it serves is in the log, and a program that would be ended by SIGPIPE lives on while there is no keeper: the next one
# reads on, also what was said meanwhile. One that says more than fits does not wait for a keeper that does not read.
# limit: 60
. "$REPO/tests/lib/lib.sh"

command -v bindfs >/dev/null || skip "bindfs is not installed"

# Says each line that it gets; "flood" is 2 MiB.
cat >"$WORK/talk" <<-END
	#!/bin/sh
	bindfs -f "$WORK/box" "\$1" &
	exec 3<>"$WORK/lines"
	while read -r line <&3; do
		if [ "\$line" = flood ]; then
			head -c 2097152 /dev/zero | tr '\\0' x >&2
			echo flooded >"$WORK/flooded"
		else
			echo "\$line" >&2
		fi
	done
END
chmod +x "$WORK/talk"
mkfifo "$WORK/lines"

mkdir -p "$WORK/box/jobs/cold"
conf_begin
conf 'backend box' 'type = command' "alias = $WORK/cold/box" "command = [\"$WORK/talk\", \"{mountpoint}\"]"
conf_tier box/jobs/cold cold
start_guardfs
wait_healthy
pid=$(backend_field box pid)
grep -q '^SigIgn:.*[13579bdf][0-9a-f]\{3\}$' "/proc/$pid/status" && fail "it ignores SIGPIPE, which none of its own pipes expects"

say_line()
{
	echo "$1" 1<>"$WORK/lines"
}

is_logged()
{
	grep -qF "its program says: $1" "$WORK/guardfs.log"
}

another_keeper()
{
	wait_value 10000 process_pid keeper != "$keeper"
	wait_healthy
	assert_eq "$(backend_field box pid)" "$pid" "the program's pid"
}

say "what it says is in the log"
say_line "good morning"
wait_until 5000 is_logged "good morning"

say "it speaks while there is no keeper"
keeper=$(process_pid keeper)
kill -STOP "$keeper"
say_line "is anybody there"
kill -9 "$keeper"
say_line "hello again"
another_keeper
wait_until 5000 is_logged "is anybody there"
wait_until 5000 is_logged "hello again"

say "it says more than anybody hears"
keeper=$(process_pid keeper)
kill -STOP "$keeper"
say_line flood
wait_until 5000 test -e "$WORK/flooded"
say_line "after the flood"
kill -9 "$keeper"
another_keeper
say_line "" # ends what is left of the flood
say_line "still here"
wait_until 5000 is_logged "still here"

say "it is not let fill the log"
for ((i = 0; i < 40; i++)); do
	say_line "line $i"
done
wait_until 5000 is_logged "line 5"
say_line "Permission denied (of somebody's file)"

say "it is killed: that is told (how, only its parent knows, a keeper of before), and its last words are no reason"
epoch=$(backend_field box epoch)
kill -9 "$pid"
wait_value 20000 backend_field box epoch -gt "$epoch"
wait_healthy
grep -q "healthy -> down: server_gone: .*the command ended; it said last: Permission denied" "$WORK/guardfs.log" || fail "$(grep 'healthy ->' "$WORK/guardfs.log")"
stop_guardfs
n=$(grep -cF "its program says: " "$WORK/guardfs.log")
assert_le "$n" 60 "lines of it in the log"
