# second-tries.bash: what passes at its second try only is a race that nobody has found yet. tests/run and tests/lib/run-unit
# source it: each such test is counted, named in the summary and kept in a file, one line each: when, which, what the first try had said.
# The file is $GUARDFS_SECOND_TRIES; scripts/check has one for the whole of its run.
# On a slow machine (tests/lib/slowness.bash) that many times as many are let pass: bounds of time break there which no race breaks.
SECOND_TRIES_MAX=$((2 * ${GUARDFS_TEST_SLOW:-1})) # more of them in one run fail it

second_tries=()

# second_try NAME WHAT
second_try()
{
	second_tries+=("$1")
	[[ -n ${GUARDFS_SECOND_TRIES:-} ]] || return 0
	mkdir -p "$(dirname "$GUARDFS_SECOND_TRIES")"
	printf '%(%Y-%m-%dT%H:%M:%SZ)T %s: %s\n' -1 "$1" "$(tr '\n' ' ' <<<"$2")" >>"$GUARDFS_SECOND_TRIES"
}

# The end of a summary: ", 2 at the second try: NAME NAME"; nothing if there are none.
tell_second_tries()
{
	((${#second_tries[@]} == 0)) || echo ", ${#second_tries[@]} at the second try: ${second_tries[*]}"
}

# False, with a line that says so: there are too many of them.
few_second_tries()
{
	((${#second_tries[@]} > SECOND_TRIES_MAX)) || return 0
	echo "not ok: more than $SECOND_TRIES_MAX passed at the second try only: these are races${GUARDFS_SECOND_TRIES:+, see $GUARDFS_SECOND_TRIES}"
	return 1
}
