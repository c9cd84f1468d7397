# guardctl tier move in trouble: the backend freezes in the middle, a copy is not what was copied, somebody writes at the last
# moment, there is no room. A clear message, nothing switched that should not be, and it goes on afterwards.
# limit: 120
# long: a move for each kind of trouble, one of them an outage
. "$REPO/tests/lib/lib.sh"

mkdir -p "$LOCAL"
mount -t tmpfs -o size=24M none "$LOCAL"
DEADLINE_METADATA=2000 DEADLINE_READ=2000 DEADLINE_WRITE=2000 DEADLINE_SYNC=2000 PROBE_TIMEOUT=2000
setup_one_box
J=$LOCAL/job
mkdir -p "$J" "$WORK/box/data/jobs/big"
head -c 6000000 /dev/urandom >"$J/large"
echo small >"$J/small"
truncate -s 40M "$WORK/box/data/jobs/big/file"
echo "$WORK/cold/box/jobs/big $MNT/big" >>"$WORK/manifest"
start_guardfs
wait_healthy

begun()
{
	compgen -G "$WORK/box/data/jobs/.guardfs-move-*/.large.*"
}

no_incident()
{
	[[ $(backend_field box incident) == 0 ]]
}

say "nothing of that name"
assert_exit 1 'nosuch, on local: No such file or directory. There is nothing to move' ctl tier move nosuch --to box

say "no room"
assert_exit 1 'local has .* MiB free, .* MiB are needed' ctl tier move big --to local
assert_eq "$(status '.routes[] | select(.path == "big") | .backend')" box "route"
assert_exit 0 'given up' ctl tier move big --abort
assert_eq "$(find "$LOCAL" -name '.guardfs-*')" '' "left behind"

say "the backend freezes in the middle of the copy"
"$GUARDCTL" -c "$CONF" tier move job --to box --bwlimit 2M >"$WORK/said" 2>&1 &
MOVER=$!
wait_until 20000 begun
box_freeze
rc=0
wait "$MOVER" || rc=$?
assert_eq "$rc" 1 "exit status"
grep -q 'Nothing was switched: .*/job is whole on local' "$WORK/said" || fail "$(cat "$WORK/said")"
wait_down
assert_exit 1 'nothing is moved' ctl tier move job --to box
assert_exit 0 'copying. It leads to local' ctl tier move job
cmp "$J/large" "$MNT/job/large"
box_thaw
wait_until 20000 backend_is box healthy probation
wait_until 20000 no_incident

say "the copy is not what was copied: noticed by its hash, and copied again"
assert_exit 137 '' env GUARDCTL_CUT=copied "$TOOLS/guardctl-cut" -c "$CONF" tier move job --to box
STAGED=$(echo "$WORK/box/data/jobs/.guardfs-move-"*)
touch -r "$STAGED/large" "$WORK/time"
printf wrong | dd of="$STAGED/large" bs=1 seek=3000000 conv=notrunc status=none
touch -r "$WORK/time" "$STAGED/large"
echo foreign >"$STAGED/foreign"
assert_exit 0 'large: the copy on box has other content.*copied again.*is on box: 2 files' ctl tier move job --to box
cmp "$LOCAL/.guardfs-old-"*/large "$WORK/box/data/jobs/job/large"
assert_missing "$WORK/box/data/jobs/job/foreign"
cmp "$MNT/job/large" "$WORK/box/data/jobs/job/large"

say "the old copy goes only while the path leads to the new one"
cp "$WORK/manifest" "$WORK/saved"
sed -i '/\/job$/d' "$WORK/manifest"
assert_exit 1 'does not lead to the copy on box' ctl tier move job --discard-old
cp "$WORK/saved" "$WORK/manifest"
wait_until 10000 cmp "$MNT/job/large" "$WORK/box/data/jobs/job/large"
assert_exit 0 'removed' ctl tier move job --discard-old

say "somebody writes into the old copy after it was compared: said, kept, and not removed"
assert_exit 137 '' env GUARDCTL_CUT=edited "$TOOLS/guardctl-cut" -c "$CONF" tier move job --to local
echo late >>"$MNT/.guardfs/backends/box/jobs/job/small"
assert_exit 1 'small differs' ctl tier move job --to local
assert_content "$MNT/job/small" small
assert_exit 0 'was changed after it had been compared' ctl tier move job
assert_exit 1 'small differs.*remove it by hand' ctl tier move job --discard-old
assert_match "$(cat "$WORK/box/data/jobs/job/small")" 'late'
rm -r "$MNT/.guardfs/backends/box/jobs/job"
assert_exit 0 'removed' ctl tier move job --discard-old

say "the manifest was edited meanwhile"
assert_exit 137 '' env GUARDCTL_CUT=placed "$TOOLS/guardctl-cut" -c "$CONF" tier move job --to box
echo "$WORK/cold/box/jobs/cold $MNT/job" >>"$WORK/manifest"
assert_exit 1 'edited since the move began' ctl tier move job --to box
sed -i '$d' "$WORK/manifest"
assert_exit 0 'given up' ctl tier move job --abort
assert_content "$J/small" small

say "nothing is written down any more of a copy that is there"
assert_exit 137 '' env GUARDCTL_CUT=copied "$TOOLS/guardctl-cut" -c "$CONF" tier move job --to box
rm -r "$STATE/moves"
assert_exit 1 'guardfs-move-.* is there already' ctl tier move job --to box
stop_guardfs
umount "$LOCAL"
