# Power cuts: guardctl tier move killed at every point, in both directions, says where the job is whole, and goes on; what the path
# shows is complete all the while; given up before the switch, nothing is left.
# limit: 180
# long: a move, and its way back, killed at every point
. "$REPO/tests/lib/lib.sh"

# Slow machines are no trouble here.
DEADLINE_METADATA=8000 DEADLINE_READ=8000 PROBE_TIMEOUT=8000
box_start box
mkdir -p "$WORK/box/data/jobs/cold"
conf_begin 'cache = 100ms'
conf_box box
conf_tier box/jobs/cold cold
J=$LOCAL/job T=$WORK/box/data/target/job
mkdir -p "$J/sub"
head -c 300000 /dev/urandom >"$J/sub/file"
ln "$J/sub/file" "$J/linked"
echo text >"$J/text"
start_guardfs
wait_healthy

sums()
{
	(cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}
BEFORE=$(sums "$J")

# cut_at POINT ARGUMENT...: killed there; the path shows everything, and of the copies that are said to be whole each is.
cut_at()
{
	local rc=0 which place

	GUARDCTL_CUT=$1 "$TOOLS/guardctl-cut" -c "$CONF" tier move job "${@:2}" >"$WORK/said" 2>&1 || rc=$?
	((rc == 137)) || { cat "$WORK/said"; fail "not cut at $1: $rc"; }
	assert_eq "$(sums "$MNT/job")" "$BEFORE" "cut at $1: what the path shows"
	ctl tier move job --json >"$WORK/state.json"
	for which in old new; do
		[[ $(jq ".$which.whole" "$WORK/state.json") == true ]] || continue
		place=$(jq -r ".$which.path" "$WORK/state.json")
		assert_eq "$(sums "$place")" "$BEFORE" "cut at $1: the $which copy at $place"
	done
	jq -e '.old.whole or .new.whole' "$WORK/state.json" >/dev/null || fail "cut at $1: no copy is whole"
}

move()
{
	ctl tier move job "$@" >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "move $*"; }
}

nothing_left()
{
	assert_eq "$(find "$LOCAL" "$WORK/box/data" -name '.guardfs-*' ! -name .guardfs-id)" '' "$1: left behind"
	assert_eq "$(find "$STATE/moves" -type f ! -name '*.lock' ! -name '*.links')" '' "$1: left behind"
}

BEFORE_SWITCH=(copying copied compared placing placed)
POINTS=("${BEFORE_SWITCH[@]}" edited switched aside done)

say "cut before the switch, and given up each time"
for point in "${BEFORE_SWITCH[@]}"; do
	cut_at "$point" --to box:target/job
	move --abort
	nothing_left "$point"
	assert_missing "$T"
	assert_eq "$(sums "$J")" "$BEFORE" "$point: the original"
done

say "cut while it gives up"
cut_at copied --to box:target/job
cut_at aborting --abort
assert_exit 1 'is being removed' ctl tier move job --to box
move --abort
nothing_left aborting

say "one move, cut at every point"
for point in "${POINTS[@]}"; do
	[[ $point != aside && $point != switched ]] || assert_exit 1 'cannot be given up' ctl tier move job --abort
	cut_at "$point" --to box:target/job
done
move --to box
grep -q 'finished' "$WORK/said" || fail "$(cat "$WORK/said")"
assert_eq "$(sums "$T")" "$BEFORE" "on the box"
cut_at discarding --discard-old
assert_exit 1 'is being removed' ctl tier move job --to box
cut_at discarded --discard-old
move --discard-old
nothing_left "moved"

say "and back, cut at every point; a writer between a cut and the re-run is not forgotten"
for point in "${BEFORE_SWITCH[@]}"; do
	cut_at "$point" --to local
	echo "after $point" >>"$MNT/job/text"
	BEFORE=$(sums "$T")
done
for point in edited switched aside done; do
	cut_at "$point" --to local
done
move --to local
assert_eq "$(sums "$J")" "$BEFORE" "on the local tier"
assert_eq "$(stat -c %i "$J/sub/file")" "$(stat -c %i "$J/linked")" "hard link"
move --discard-old
nothing_left "moved back"
assert_missing "$T"

say "killed in the middle of the copy: what was there is not copied again, and no second rsync runs beside the first"
head -c 8000000 /dev/urandom >"$J/zz-large"
BEFORE=$(sums "$J")
"$GUARDCTL" -c "$CONF" tier move job --to box:job --bwlimit 1M >"$WORK/said" 2>&1 &
echo $! >"$WORK/mover.pid"
large_begun()
{
	compgen -G "$WORK/box/data/.guardfs-move-*/.zz-large.*"
}
wait_until 20000 large_begun
assert_exit 1 'is at work on it' ctl tier move job --abort
kill -9 "$(cat "$WORK/mover.pid")"
rm "$WORK/mover.pid"
stat -c %i "$WORK/box/data/.guardfs-move-"*/text >"$WORK/inode"
assert_eq "$(sums "$MNT/job")" "$BEFORE" "what the path shows"
move --to box:job
assert_eq "$(stat -c %i "$WORK/box/data/job/text")" "$(cat "$WORK/inode")" "inode of what was there"
assert_eq "$(sums "$MNT/job")" "$BEFORE" "what the path shows"

say "a file of state that is damaged is refused"
FILE=$(find "$STATE/moves" -type f ! -name '*.*')
cp "$FILE" "$WORK/saved"
for damage in 's/^step .*/step over/' 's/^job .*/job other/' 's/^to .*/to ..\/x/' '/^end/d' 's/^to-tier .*/to-tier nowhere/'; do
	sed "$damage" "$WORK/saved" >"$FILE"
	assert_exit 1 'does not say how far' ctl tier move job --discard-old
done
cp "$WORK/saved" "$FILE"
move --discard-old
nothing_left "end"
