# An ordinary user renames a directory with many known names below it, over and over: on a backend and on the local tier. What others
# do on the local tier takes as long as without him.
# alone
# limit: 120
# long: renames for a fixed time on each tier, and the same work without them
. "$REPO/tests/lib/lib.sh"

COUNT=${RENAMES_COUNT:-20000} DEPTH=50
setup_one_box
chmod o+x "$WORK"
mkdir "$LOCAL/quiet" "$SERVER/user" "$LOCAL/user"
python3 "$REPO/tests/cases/shares/renames.py" make "$SERVER/user" $COUNT $DEPTH
cp -r --reflink=never "$SERVER/user" "$LOCAL"
chown -R 61001:61001 "$SERVER/user" "$LOCAL/user"
start_guardfs
wait_healthy

others()
{
	"$TOOLS/callers" -t 4 -s 3 -u 500 -o missing "$MNT/quiet"
}

renamer()
{
	rm -f "$WORK/enough"
	python3 "$REPO/tests/cases/shares/renames.py" rename "$1" "$WORK/enough" >"$WORK/renamed" &
	renaming=$!
}

before=$(others)
say "without: $(jq -c .us <<<"$before")"
for where in "$COLD" "$MNT"; do
	python3 "$REPO/tests/cases/shares/renames.py" know "$where/user" $COUNT $DEPTH
	renamer "$where/user"
	meanwhile=$(others)
	touch "$WORK/enough"
	wait $renaming
	say "${where##*/}: $(cat "$WORK/renamed") renames; others meanwhile: $(jq -c .us <<<"$meanwhile")"
	# Work that grows with what is known below would take most of the time: 20,000 names made it 22 ms a rename.
	assert_ge "$(cat "$WORK/renamed")" 300 "renames"
	within 10000 p99 "$meanwhile"
	[[ ! -e $where/user/again ]] || mv "$where/user/again" "$where/user/moved"
done
