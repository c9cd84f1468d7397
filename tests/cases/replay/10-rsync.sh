# Failure mode 10: rsync to sshfs ended with an error for every owner, group and mode that it could not set, so that nobody could tell
# a failed transfer by it. guardfs: rsync -a, --append-verify, --inplace, --delete end well, for root and for whoever uploads; an outage
# in between ends them with an error, not a hang and not a success, and run again they complete.
# limit: 120
# long: two arrangements, a dozen runs of rsync, and two outages
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"

DEADLINE_WRITE=1200 DEADLINE_SYNC=1200 BACKOFF_MAX=500
OLD_UID=1000 OLD_GID=999
mkdir "$WORK/data"
box_start box 2222 "$WORK/data" nobody
SERVER=$WORK/data/jobs/imports
mkdir -p "$SERVER" "$WORK/data/jobs/old"
chown -R nobody "$WORK/data"
as_root=()
# habackup, in the archive's group; what it uploads is shown as the worker's and it may not change it: rights are g=rx.
as_backup=(setpriv --reuid=34 --regid=999 --clear-groups)
as_worker=(setpriv --reuid=1000 --regid=1000 --groups=999)

# What somebody uploads: owners, modes, times, links, names of all kinds.
source=$WORK/source
mkdir -p "$source/warcs/deep er" "$source/empty"
for i in 1 2 3; do
	head -c $((i * 100000)) /dev/urandom >"$source/warcs/warc-00000$i.warc.gz"
done
echo '{}' >"$source/warcs/manifest.json"
# Not with "..": sshfs may refuse to read such links, lest a server leads its callers astray.
ln -s warc-000001.warc.gz "$source/warcs/link"
ln -s to-nowhere "$source/warcs/dangling"
echo text >"$source/warcs/deep er/ümläut \$x"
chmod 0444 "$source/warcs/warc-000002.warc.gz"
chmod 0777 "$source/warcs/deep er"
touch -d '2020-01-02 03:04:05' "$source/warcs/warc-000001.warc.gz" "$source/warcs/deep er"
touch -h -d '2021-01-02 03:04:05' "$source/warcs/"{link,dangling}
chown -R 4711:4712 "$source/warcs"
chmod -R o+rX "$source"

# assert_equal DIRECTORY: content, kinds and times of all that the source has, and nothing else.
assert_equal()
{
	assert_eq "$(rsync -rltcn --omit-link-times --delete --itemize-changes "$source/" "$1/")" '' "differences"
	diff -r --no-dereference "$source" "$1" || fail "$1 differs"
}

say "the old set-up: all is transferred, and rsync says that it failed"
old_mount
assert_exit 23 'chgrp|chown' rsync -a "$source/" "$OLD_BASE/jobs/old/"
assert_exit 23 'chgrp|chown' rsync -a "$source/" "$OLD_BASE/jobs/old/"
old_end

conf_begin
conf_box box "uid = $OLD_UID" "gid = $OLD_GID" 'umask = 0007'
conf_tier box/jobs/imports imports
IMPORTS=$MNT/imports
start_guardfs
wait_healthy

# upload WHO DIRECTORY OPTION...
upload()
{
	local -n as=as_$1
	local to=$2

	shift 2
	timeout 60 "${as[@]}" rsync -a "$@" "$source/" "$to/"
}
say "guardfs: rsync -a and its variants, as root, as the owner, as a member of the group"
for who in root worker; do
	upload $who "$IMPORTS/$who" || fail "rsync -a as $who: $?"
	assert_equal "$SERVER/$who"
	assert_eq "$(upload $who "$IMPORTS/$who" --itemize-changes --omit-link-times --no-owner --no-group --no-perms)" '' "what a second run does"
	upload $who "$IMPORTS/$who" || fail "rsync -a as $who, again: $?"
done
say "the times of a link are not those of what it leads to"
touch -h -d '2022-01-02 03:04:05' "$IMPORTS/root/warcs/"{link,dangling}
assert_equal "$SERVER/root"
# Only a file's owner may set its times and mode, says the kernel, and rsync gives its temporary files their mode: another
# member of the group does without all three. If it does not, it is told.
upload backup "$IMPORTS/backup" --inplace --no-times --no-owner --no-group --chmod=a=rwx,o= || fail "rsync as a member of the group: $?"
diff -r --no-dereference "$source" "$SERVER/backup"
mkdir "$IMPORTS/refused"
assert_exit 23 'Operation not permitted' upload backup "$IMPORTS/refused"

say "the files grow, one changes inside, one goes"
for i in 1 3; do
	head -c 50000 /dev/urandom >>"$source/warcs/warc-00000$i.warc.gz"
done
for who in root worker; do
	upload $who "$IMPORTS/$who" --append-verify || fail "rsync --append-verify as $who: $?"
	assert_equal "$SERVER/$who"
done
inode=$(stat -c %i "$SERVER/root/warcs/warc-000003.warc.gz")
printf changed | dd "of=$source/warcs/warc-000003.warc.gz" conv=notrunc bs=1 seek=1000 status=none
touch -d '2022-01-02 03:04:05' "$source/warcs/warc-000003.warc.gz" # its size is the same
rm "$source/warcs/manifest.json"
for who in root worker; do
	upload $who "$IMPORTS/$who" --inplace --no-whole-file --delete || fail "rsync --inplace --delete as $who: $?"
	assert_equal "$SERVER/$who"
	assert_missing "$SERVER/$who/warcs/manifest.json"
done
assert_eq "$(stat -c %i "$SERVER/root/warcs/warc-000003.warc.gz")" "$inode" "the file that was changed in place"

head -c 3000000 /dev/urandom >"$source/warcs/warc-000004.warc.gz"
chmod 0644 "$source/warcs/warc-000004.warc.gz"
say "the server goes away in the middle: an error within the deadlines, nothing of it on the local tier; again: complete"
# at_some_of DIRECTORY: some of the big file is there, under whatever name.
at_some_of()
{
	(($(find "$1/warcs" -name '*warc-000004*' -printf '%s\n' | sort -n | tail -n 1) > 100000))
}
for how in '' --inplace; do
	to=interrupted$how again=${how:+--append-verify}
	rc=0
	upload worker "$IMPORTS/$to" $how --bwlimit=3000 >"$WORK/said" 2>&1 &
	rsync=$!
	wait_until 20000 at_some_of "$SERVER/$to"
	box_kill
	start=$(now_ms)
	wait "$rsync" || rc=$?
	echo "rsync -a $how: exit status $rc after $(($(now_ms) - start)) ms: $(tail -n 1 "$WORK/said")"
	assert_ge "$rc" 10 "exit status of rsync"
	assert_le "$rc" 30 "exit status of rsync"
	grep -q 'Input/output error' "$WORK/said" || fail "no EIO: $(cat "$WORK/said")"
	assert_le "$(($(now_ms) - start))" 15000 "until rsync ended, ms"
	assert_no_trace "$LOCAL" '*warc-00000*'
	box_restart
	wait_healthy
	upload worker "$IMPORTS/$to" $again --delete || fail "rsync -a $again, after it: $?"
	assert_equal "$SERVER/$to"
done

say "a connection that breaks and comes back before the deadline is not noticed"
stop_guardfs
sed -i 's/^\(write\|sync\) = .*/\1 = 20s/' "$CONF"
start_guardfs
wait_healthy
upload worker "$IMPORTS/unnoticed" --bwlimit=4000 >"$WORK/said" 2>&1 &
rsync=$!
wait_until 20000 at_some_of "$SERVER/unnoticed"
box_cut
wait "$rsync" || fail "rsync ended with $?: $(cat "$WORK/said")"
assert_equal "$SERVER/unnoticed"
