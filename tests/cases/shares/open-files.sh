# One user opens all the files that he can: he is refused beyond his share, and nobody else notices. Root, other users, virtual files,
# guarded routes, files that were open before, and the backend's recovery have descriptors left.
# limit: 90
# long: all descriptors that one user may have, opened again and again
. "$REPO/tests/lib/lib.sh"

LIMIT=2000 HOARDER=61001 OTHER=61002
setup_one_box
mkdir -p "$LOCAL/public" "$SERVER/public" "$SERVER/later"
for i in $(seq 0 99); do echo "$i" >"$LOCAL/public/file-$i"; done
cp -r "$LOCAL/public" "$SERVER"
# Bounded from above, without the right to raise the bound.
GUARDFS_BARE=$GUARDFS
printf '#!/bin/bash\nulimit -n %s\nexec setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource "%s" "$@"\n' $LIMIT "$GUARDFS_BARE" >"$WORK/limited"
chmod +x "$WORK/limited"
chmod o+x "$WORK"
GUARDFS=$WORK/limited
start_guardfs
wait_healthy
epoch=$(backend_field box epoch)
hold writer write "$COLD/open-before"
hold reader read "$MNT/public/file-1"

# hoard NAME UID WHAT DIRECTORY: what it could get is in WORK/NAME.hoard; goes on until `enough NAME`.
hoard()
{
	mkfifo "$WORK/$1.end"
	python3 "$REPO/tests/cases/shares/hoard.py" "$2" "$3" "$4" 4000 0<>"$WORK/$1.end" >"$WORK/$1.hoard" &
	echo $! >"$WORK/$1.pid"
	wait_until 30000 test -s "$WORK/$1.hoard"
	say "$1: $(cat "$WORK/$1.hoard")"
}

as_other()
{
	setpriv --reuid=$OTHER --regid=$OTHER --clear-groups "$@"
}

# Nobody but the hoarder notices anything.
others_go_on()
{
	assert_content "$MNT/public/file-7" 7
	assert_eq "$(as_other cat "$MNT/public/file-8")" 8
	assert_eq "$(as_other ls "$MNT/public" | wc -l)" 100
	assert_eq "$(as_other ls "$COLD/public" | wc -l)" 100
	assert_eq "$(as_other cat "$COLD/public/file-9")" 9
	[[ -n $(cat "$MNT/.guardfs/health") ]] || fail "no health"
	assert_held OK 0 8000 writer write 4096
	assert_held OK 0 8000 writer fsync
	assert_held OK 0 8000 reader read
	ls "$COLD/later" >/dev/null
	echo new >"$MNT/made-$1"
	echo new >"$COLD/made-$1"
	assert_eq "$(backend_field box epoch)" "$epoch" "epoch"
}

hoard files $HOARDER open "$MNT/public"
read -r got errors <"$WORK/files.hoard"
assert_ge "$got" $((LIMIT / 10)) "open files of one user"
assert_le "$got" $((LIMIT / 2)) "open files of one user"
assert_match "$errors" '^EMFILE:[0-9]+$' "what he was told"
others_go_on files
assert_ge "$(status '.shares.open_files.refused')" 1 "refused, as status says"
grep -q "user $HOARDER" "$MNT/.guardfs/status" || fail "status does not name the user"

say "another one, and one more, on the backend, with listings"
hoard listings $OTHER list "$COLD/public"
hoard third 61003 open "$MNT/public"
OTHER=61004
others_go_on listings

say "the backend is lost meanwhile and found again"
kill -9 "$(sshfs_pid)"
wait_value 15000 backend_field box epoch -gt "$epoch"
wait_healthy
epoch=$(backend_field box epoch)
others_go_on recovery

say "a new worker counts what is there"
kill -9 "$(process_pid worker)"
wait_value 10000 status .worker_restarts == 1
others_go_on worker
as_hoarder=$(setpriv --reuid=$HOARDER --regid=$HOARDER --clear-groups cat "$MNT/public/file-1" 2>&1 || true)
assert_match "$as_hoarder" 'Too many open files' "the hoarder, at the new worker"

say "what he lets go of he may have again"
kill "$(cat "$WORK/files.pid")"
wait_until 5000 setpriv --reuid=$HOARDER --regid=$HOARDER --clear-groups cat "$MNT/public/file-1"
