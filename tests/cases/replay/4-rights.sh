# Failure mode 4, 2026-01-09, PHAC: permission denied in a job directory, chown refused by sshfs, and the job's retries burned on it.
# guardfs: one owner, group and mode for all that lies on the storage, whoever made it; giving a file to that owner succeeds; the worker,
# the crawl's container and the replay's all get what they need; an outage is no permission problem and costs no retry.
# limit: 120
# long: two arrangements, everything by each of three users, and an outage
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/replay/old-setup.bash"
. "$REPO/tests/cases/replay/crawl.bash"

DEADLINE_WRITE=3000 DEADLINE_SYNC=3000
JOB=phac/20260109T000000Z__phac-recrawl
OLD_UID=1000 OLD_GID=999
# As a storage box does, the server works as an unprivileged account, in which everything belongs to it.
mkdir "$WORK/data"
box_start box 2222 "$WORK/data" nobody
SERVER=$WORK/data/jobs/$JOB
mkdir -p "$SERVER" "$WORK/data/jobs/old"
chown -R nobody "$WORK/data"

# Who works there: the worker and its group; the crawl's container, root with docker's usual capabilities; one of an
# unprivileged user, root only in a user namespace; the replay's, which has given up everything but its group.
docker_caps=+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+setfcap
as_worker=(setpriv --reuid=1000 --regid=1000 --groups=999)
as_container=(unshare --mount --pid --fork setpriv --bounding-set="-all,$docker_caps" --inh-caps=-all --no-new-privs)
as_rootless=(setpriv --reuid=1000 --regid=999 --clear-groups unshare --user --map-root-user --mount)
as_replay=(setpriv --reuid=110 --regid=999 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs)
as_stranger=(setpriv --reuid=4711 --regid=4711 --clear-groups)

say "the old set-up: chown is refused, to the very owner that is shown; rsync -a fails on it"
old_mount
echo "$OLD_BASE/jobs/old $OLD_JOBS/hot" >"$WORK/old-manifest"
old_apply "$WORK/old-manifest"
touch "$OLD_JOBS/hot/file"
assert_eq "$(stat -c %u:%g "$OLD_JOBS/hot/file")" 1000:999 "owner of a file"
assert_exit 1 'Permission denied|Operation not permitted' chown 1000:999 "$OLD_JOBS/hot/file"
assert_exit 1 'Permission denied|Operation not permitted' "${as_container[@]}" chown -R 1000:999 "$OLD_JOBS/hot"
mkdir "$WORK/import"
echo warc >"$WORK/import/one.warc.gz"
chown -R 1001:1001 "$WORK/import"
assert_exit 23 'chown|chgrp' rsync -a "$WORK/import/" "$OLD_JOBS/hot/import/"
say "what a program made read-only is shown as writable, and is not"
"${as_container[@]}" bash -c 'umask 0377; : >"$1"' - "$OLD_JOBS/hot/once"
assert_eq "$(stat -c %a "$OLD_JOBS/hot/once")" 750 "mode of it"
assert_exit 1 'Permission denied' "${as_worker[@]}" bash -c 'echo again >"$1"' - "$OLD_JOBS/hot/once"
old_end

say "guardfs: the same owners; whoever makes something, it is the worker's"
conf_begin
conf_box box "uid = $OLD_UID" "gid = $OLD_GID" 'umask = 0027'
conf_tier "box/jobs/$JOB" "$JOB"
conf jobs 'pattern = */[0-9]*__*'
start_guardfs
wait_until 15000 backend_is box healthy
chmod 0755 "$MNT/phac"
cd "$MNT/$JOB"
for who in worker container rootless; do
	declare -n as=as_$who
	say "$who"
	"${as[@]}" mkdir -p "$who/dir"
	"${as[@]}" bash -c 'echo 1 >"$1/dir/file" && echo 2 >>"$1/dir/file" && ln -s file "$1/dir/link" && mv "$1/dir/file" "$1/dir/moved"' - "$who"
	assert_eq "$(stat -c '%u:%g %a' "$who" "$who/dir" "$who/dir/moved" | sort -u)" '1000:999 750' "what it made"
	say "gives it to whom it belongs, and opens it to all, as its own scripts do"
	"${as[@]}" chmod -R a+rX "$who"
	"${as[@]}" chmod 0640 "$who/dir/moved"
	if [[ $who == rootless ]]; then
		"${as[@]}" chown -R 0:0 "$who"
	else
		"${as[@]}" chown -R 1000:999 "$who"
	fi
	assert_eq "$(stat -c '%u:%g %a' "$who" "$who/dir" "$who/dir/moved" | sort -u)" '1000:999 750' "what it made, afterwards"
	say "what it made read-only, or with a umask that shuts everybody out, is as open as it is shown"
	"${as[@]}" bash -c 'umask 0377; : >"$1/once"; umask 0777; mkdir "$1/shut" && : >"$1/none"' - "$who"
	for other in worker container rootless; do
		declare -n as_other=as_$other
		"${as_other[@]}" bash -c 'for file; do echo "$0" >>"$file" || exit 1; done' "$other" "$who"/{dir/moved,once,none,shut/new}
	done
	assert_eq "$("${as_replay[@]}" cat "$who/dir/moved" "$who/shut/new" | xargs)" '1 2 worker container rootless worker container rootless' \
		"what the replay reads"
done
say "the replay reads, lists and writes nothing; a stranger gets nothing, and that is no infrastructure's doing"
assert_eq "$("${as_replay[@]}" find . -type f | wc -l)" 12 "files that the replay sees"
assert_exit 1 'Permission denied' "${as_replay[@]}" touch new
assert_exit 1 'Permission denied' "${as_replay[@]}" rm worker/none
assert_exit 1 'Operation not permitted' "${as_replay[@]}" chmod 0777 worker/none
assert_exit 2 'Permission denied' "${as_stranger[@]}" ls .
assert_exit 1 'Operation not permitted' "${as_worker[@]}" chown 4711 worker/none
assert_exit 0 '^real ' ctl classify --path "$PWD" --errno EACCES
assert_exit 0 '^real ' ctl classify --path "$PWD" --errno EPERM
cd /

say "a crawl in its container, the worker that looks after it, over an outage: EIO alone, and it is no retry's fault"
crawl crawler "$MNT/$JOB" "${as_container[@]}"
assert_held OK 0 5000 crawler warc 5
assert_held OK 0 5000 crawler state
"${as_worker[@]}" bash -c 'echo >>"$1/.archive_state.json"' - "$MNT/$JOB"
export GUARDCTL="$GUARDCTL -c $CONF" PAUSE=0.2
cat >"$WORK/job" <<'JOB'
#!/bin/bash
# A job: notes that it ran, and as whom; writes its result.
echo "$EUID" >>"$1"
echo result >"$2"
JOB
chmod 0755 "$WORK/job"
mkdir -m 0777 "$WORK/runs"
box_kill
wait_down
wait_until 3000 assert_fails stat "$MNT/$JOB" # what the kernel has cached is over
for who in worker container replay; do
	declare -n as=as_$who
	for operation in "stat $MNT/$JOB" "readdir $MNT/$JOB/worker" "open $MNT/$JOB/worker/none" "access $MNT/$JOB"; do
		check_result EIO 0 $((DEADLINE_METADATA + SLACK)) "$who: $operation" $("${as[@]}" "$TOOLS/timed" $operation)
	done
done
assert_exit 75 '^infrastructure' "${as_worker[@]}" $GUARDCTL classify --path "$MNT/$JOB" --errno EIO
assert_exit 75 '^infrastructure' "${as_worker[@]}" $GUARDCTL classify --path "$MNT/$JOB"
TRIES=1 "${as_worker[@]}" "$REPO/docs/examples/worker/retry.sh" "$MNT/$JOB" "$WORK/job" "$WORK/runs/list" "$MNT/$JOB/result" 2>"$WORK/said" &
worker=$!
wait_until 20000 grep -q 'storage was to blame' "$WORK/said"
box_restart
wait "$worker" || fail "the worker gave up: $(cat "$WORK/said")"
assert_fails grep 'own fault' "$WORK/said"
assert_eq "$(sort -u "$WORK/runs/list")" 1000 "who ran the job"
assert_content "$SERVER/result" result
assert_held OK 0 5000 crawler warc 5
assert_held OK 0 5000 crawler sync
let_go crawler
assert_warc "$(warc_of "$SERVER")" 10
assert_eq "$("${as_replay[@]}" gzip -dc "$(warc_of "$MNT/$JOB")" | grep -ac '^WARC-Record-ID')" 10 "records that the replay reads"
