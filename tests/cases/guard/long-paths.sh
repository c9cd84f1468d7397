# Over sshfs a path is limited to what the server takes in one piece: beyond that every call says ENAMETOOLONG, and nothing else; what is above
# the limit is served, and it is no trouble of the tier. (Raw sshfs says EBADMSG.) The local tier and dir have no such limit.
. "$REPO/tests/lib/lib.sh"

start_with_box_and_dir
mkdir -p "$LOCAL/local"
raw_begin

chain()
{
	python3 "$REPO/tests/cases/guard/long-paths.py" "$@"
}

# errnos DIRECTORY: how deep the chain can be walked, and what is then said.
errnos()
{
	chain walk "$1" | sed 's/.* //' | sort -u | xargs
}

for place in "$SERVER" "$WORK/store/dir" "$LOCAL/local"; do
	chain make "$place" 60
done
assert_match "$(errnos "$RAW/jobs/cold")" '^[34][0-9] EBADMSG$' "sshfs alone"
raw_end
for way in "$COLD" "$MNT/.guardfs/backends/box/jobs/cold"; do
	chain walk "$way" >"$WORK/said"
	echo "$way: $(xargs <"$WORK/said")"
	assert_match "$(errnos "$way")" '^[34][0-9] ENAMETOOLONG$' "$way"
done
for place in "$MNT/dir" "$MNT/local"; do
	assert_eq "$(chain walk "$place" | head -n 1)" 60 "levels of $place"
	rm -rf "$place/"d*
done

say "one byte less is served"
name=$(printf 'n%.0s' {1..200})
cd "$COLD"
while mkdir "$name" 2>"$WORK/said"; do
	echo text >"$name/file" 2>"$WORK/said" || break
	assert_content "$name/file" text
	cd "$name"
done
grep -q 'File name too long' "$WORK/said" || fail "$(cat "$WORK/said")"
cd "$WORK"
assert_eq "$(backend_field box counters.errors)" 0 "errors counted"
backend_is box healthy probation || fail "state: $(backend_field box state)"
