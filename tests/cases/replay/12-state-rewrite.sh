# Failure mode 12, latent: the crawl rewrites .archive_state.json in place; whoever cut it off in between left it empty, and with it the
# crawl's memory was gone. guardfs: what is written aside and renamed over is the old or the new, whole, at every moment. What is
# rewritten in place is the same if it is a state file by its name. Any other is the new one, whole, if its writer was told so; if it got
# EIO, the old one or a beginning of the new one, be it empty. Never one in the other.
# limit: 120
# long: up to 25 outages of the old arrangement, then as many ways of rewriting, each with outages
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"

STATE_PY=$REPO/tests/cases/replay/12-state.py
DEADLINE_METADATA=700 DEADLINE_READ=700 DEADLINE_WRITE=1000 DEADLINE_SYNC=1000 PROBE_INTERVAL=500 PROBE_TIMEOUT=500 BACKOFF_MAX=400

# rewrite WAY FILE: begins to rewrite it. rest: a version is finished, and no other begun. on: goes on.
rewrite()
{
	: >"$WORK/notes"
	coproc WRITER { exec python3 "$STATE_PY" "${1/state/inplace}" "$2" "$WORK/notes"; }
	echo "$WRITER_PID" >"$WORK/writer.pid"
	wait_until 10000 grep -q ' ok$' "$WORK/notes"
}
rest()
{
	local answer

	echo rest >&"${WRITER[1]}"
	read -r -t 30 -u "${WRITER[0]}" answer && [[ $answer == stopped ]] || fail "the writer does not stop"
}
on()
{
	echo on >&"${WRITER[1]}"
}
end_rewrite()
{
	kill "$(cat "$WORK/writer.pid")"
	wait "$(cat "$WORK/writer.pid")" || true
	rm "$WORK/writer.pid"
}

# last ok|begun: the last version of which that is noted.
last()
{
	awk -v what="$1" '$2 == what { n = $1 } END { print n + 0 }' "$WORK/notes"
}
# has_gone_on VERSION: a later one has been acknowledged.
has_gone_on()
{
	(($(last ok) > $1))
}

# assert_file FILE whole|told: with its writer at rest. whole: it holds a whole version, and not one older than what was
# acknowledged. told: if its writer was told that its last rewriting succeeded it is that one; if not, also a beginning of one
# that failed since.
assert_file()
{
	local kind number length ok error

	read -r kind number length < <(python3 "$STATE_PY" judge "$1" "$WORK/notes")
	ok=$(last ok)
	error=$(tail -n 1 "$WORK/notes")
	echo "version $ok was the last to succeed, the last answer: ${error#* }; the file: $kind ${number:-} ${length:-}"
	if [[ $2 == told && $kind == part && $error != *ok ]]; then
		return # Of which version, nobody can say of an empty file.
	fi
	assert_eq "$kind" whole "what $1 holds"
	assert_ge "$number" "$ok" "version"
	assert_le "$number" "$(last begun)" "version"
	[[ $error != *ok ]] || assert_eq "$number" "$ok" "version, after the last rewriting succeeded"
}

setup_one_box
echo '{}' >"$SERVER/none"

say "the old set-up: sshfs is killed in the midst of rewriting in place, again and again; soon the file is no state any more"
lost=0
for ((try = 0; try < 25 && lost == 0; try++)); do
	old_mount
	rewrite inplace "$OLD_BASE/jobs/cold/old.json"
	wait_until 10000 has_gone_on $((1 + RANDOM % 4))
	old_kill
	end_rewrite
	[[ $(python3 "$STATE_PY" judge "$SERVER/old.json" "$WORK/notes") == whole* ]] || lost=1
	old_unmount
done
assert_eq "$lost" 1 "states lost"

# The outages, each begun while the file is rewritten as fast as it can be. Some are over by themselves.
outage()
{
	case $1 in
	sshfs) kill -KILL "$(sshfs_pid)" ;;
	cut) box_cut ;;
	worker) kill -KILL "$(process_pid worker)" ;;
	freeze) box_freeze ;;
	gone) box_kill ;;
	esac
}
over()
{
	case $1 in
	freeze) box_thaw ;;
	gone) box_restart ;;
	esac
}
# Whole at every moment, as the server has it: looked at all the time, while whatever happens happens.
watch_file()
{
	local kind

	while [[ -e $WORK/watching ]]; do
		read -r kind _ < <(python3 "$STATE_PY" judge "$1" "$WORK/notes")
		echo "$kind"
	done
}

start_guardfs
wait_healthy
for way in rename inplace state; do
	say "guardfs: $way"
	name=$way.json
	[[ $way != state ]] || name=.archive_state.json
	file=$COLD/$name onserver=$SERVER/$name
	rewrite $way "$file"
	if [[ $way != inplace ]]; then
		promise=whole
		touch "$WORK/watching"
		watch_file "$onserver" >"$WORK/watched" &
		watcher=$!
	else
		promise=told
	fi
	for how in cut worker sshfs freeze gone; do
		# Not always at the same moment of the rewriting.
		wait_until 10000 has_gone_on $(($(last ok) + RANDOM % 3))
		echo "$how:"
		outage $how
		rest
		assert_file "$onserver" $promise
		over $how
		wait_healthy
		assert_file "$onserver" $promise
		before=$(last ok)
		on
		wait_until 15000 has_gone_on "$before"
	done
	rest
	assert_eq "$(tail -n 1 "$WORK/notes")" "$(last ok) ok" "the last rewriting"
	assert_file "$onserver" whole
	cmp "$onserver" "$file"
	end_rewrite
	if [[ $way != inplace ]]; then
		rm "$WORK/watching"
		wait "$watcher"
		echo "looked at $(wc -l <"$WORK/watched") times meanwhile"
		assert_ge "$(wc -l <"$WORK/watched")" 10 "looks"
		assert_eq "$(sort -u "$WORK/watched")" whole "what was seen"
	fi
done
