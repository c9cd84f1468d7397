# What a rewriting leaves beside its state file when all of guardfs is killed in the midst of it is removed after the next start, once somebody lists the directory: that
# alone which bears this guardfs's own mark, and is older than its start and than any rewriting. Other machines' are left, and young ones.
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/state/writers.bash"

FILE=.archive_state.json

beside()
{
	find "$SERVER" -name '.*.guardfs-*' -printf '%P\n' | sort
}
listed_and_gone()
{
	ls "$COLD" >/dev/null
	[[ ! -e $SERVER/$1 ]]
}
removals()
{
	grep -c 'which was left when guardfs ended' "$WORK/guardfs.log" || true
}

# Nothing here is to come to its deadline.
DEADLINE_METADATA=20000
setup_dir 'filter = fault' "fault_control = $WORK/fault"
start_guardfs
wait_healthy store
echo former >"$COLD/$FILE"

say "killed before the rename"
begin a "$COLD/$FILE"
tell a write new
fault 'rename hang'
ask a close >"$WORK/answer" &
closing=$!
wait_value 5000 beside =~ guardfs
guardians=$(descendants_of "$GUARDIAN")
kill -KILL "$GUARDIAN" $guardians
umount -l "$MNT"
wait $closing || true
GUARDIAN=0
fault ''
ours=$(beside)
assert_match "$ours" "^\.$FILE\.guardfs-[0-9a-f]{16}\$"
assert_content "$SERVER/$FILE" former

say "young: left; of another machine: left; old: removed"
touch -d '2 days ago' "$SERVER/$ours"
young=.young.json.guardfs-${ours##*-} other=.$FILE.guardfs-0123456789abcdef
echo young >"$SERVER/$young"
echo other >"$SERVER/$other"
touch -d '2 days ago' "$SERVER/$other"
start_guardfs
wait_healthy store
fault "unlink hang path=$ours"
ls "$COLD" >/dev/null
wait_value 5000 backend_field store inflight -eq 1
cat "$COLD/$FILE" >"$WORK/read" & # who comes for the file meanwhile waits
reading=$!
wait_value 5000 backend_field store parked -eq 1
fault ''
wait $reading || fail "it cannot be opened while what was left of it is removed"
assert_content "$WORK/read" former
wait_until 10000 listed_and_gone "$ours"
assert_eq "$(beside | tr '\n' ' ')" "$(printf '%s\n' "$young" "$other" | sort | tr '\n' ' ')" "what is left"
wait_value 5000 removals -eq 1
assert_content "$COLD/$FILE" former
echo anew >"$COLD/$FILE"
assert_content "$SERVER/$FILE" anew
