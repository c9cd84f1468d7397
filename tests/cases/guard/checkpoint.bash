# The writer of checkpoint.py, which does what it is told, as WRITER.

# writer_begin FILE
writer_begin()
{
	coproc WRITER { exec python3 "$REPO/tests/cases/guard/checkpoint.py" "$1"; }
	writer_says ready
}
# writer_says ANSWER [ORDER...]
writer_says()
{
	local answer want=$1

	shift
	[[ $# == 0 ]] || echo "$*" >&"${WRITER[1]}"
	read -r answer <&"${WRITER[0]}"
	assert_eq "$answer" "$want" "${*:-the beginning}"
}
writer_end()
{
	local pid=$WRITER_PID

	eval "exec ${WRITER[1]}>&-"
	wait "$pid"
}
