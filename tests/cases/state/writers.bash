# Programs that rewrite a file, step by step (writer.py), for the cases of this folder.

# begin NAME FILE: opens it.
begin()
{
	rm -f "$WORK/$1.in" "$WORK/$1.out"
	mkfifo "$WORK/$1.in"
	: >"$WORK/$1.out"
	python3 "$REPO/tests/cases/state/writer.py" "$2" 0<>"$WORK/$1.in" >>"$WORK/$1.out" &
	echo $! >"$WORK/$1.pid"
	tell "$1" open
}
# ask NAME WORD...: one step; prints what it answers.
ask()
{
	local name=$1 before

	shift
	before=$(wc -l <"$WORK/$name.out")
	echo "$*" >"$WORK/$name.in"
	wait_until 60000 has_more_lines "$WORK/$name.out" "$before"
	tail -n 1 "$WORK/$name.out"
}
# tell NAME WORD...: one that must succeed.
tell()
{
	local answer

	answer=$(ask "$@")
	assert_eq "$answer" ok "$*"
}
# end NAME [SIGNAL]: the program is killed.
end()
{
	kill -"${2:-KILL}" "$(cat "$WORK/$1.pid")"
	wait "$(cat "$WORK/$1.pid")" 2>/dev/null || true
	rm "$WORK/$1.pid"
}
# finish NAME: closes it.
finish()
{
	local pid

	tell "$1" close
	pid=$(cat "$WORK/$1.pid")
	echo exit >"$WORK/$1.in"
	wait "$pid"
	rm "$WORK/$1.pid"
}
