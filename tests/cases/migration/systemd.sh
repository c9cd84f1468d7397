# A host in the old arrangement under a real systemd: migrated, its worker starts after guardfs and not without it; rolled back,
# everything is the old units' again.
# limit: 180
# long: a systemd of its own, a migration and a rollback in it
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/cases/migration/old-host.bash"
. "$REPO/tests/lib/systemd.sh"
trap 'rc=$?; set +e; systemd_end; (exit $rc); make_removable; at_exit' EXIT

SSHFS=healtharchive-storagebox-sshfs.service TIERING=healtharchive-warc-tiering.service WORKER=healtharchive-worker.service
UNIT=guardfs@test.service
box_start box
old_files
old_config
# Annual binds are the annual script's work, which no unit here does.
rm -r "$OLD_JOBS/hc"
mkdir -p "$OLD_BASE" "$OLD_JOBS/imports/unbound" "$WORK/units/$UNIT.d" "$WORK/etc/guardfs"
ROOT_ID=$(stat -c %d:%i "$OLD_JOBS")
expected_sums | grep -v "$ANNUAL" >"$WORK/sums"
cp "$REPO/scripts/systemd/guardfs@.service" "$WORK/units"
# There is no journald.
printf '[Service]\nStandardOutput=append:%s\nStandardError=inherit\n' "$WORK/guardfs.log" >"$WORK/units/$UNIT.d/log.conf"

# The old units, as they order themselves.
cat >"$WORK/units/$SSHFS" <<END
[Service]
ExecStart=sshfs -f -p $(cat "$WORK/box/port") root@127.0.0.1: $OLD_BASE \
 -o IdentityFile=$WORK/box/user_key,UserKnownHostsFile=$WORK/box/known_hosts \
 -o fsname=$OLD_FSNAME,allow_other,default_permissions,uid=0,gid=0,umask=0027,reconnect,ServerAliveInterval=15,ServerAliveCountMax=3
ExecStop=fusermount3 -u $OLD_BASE
Restart=on-failure
[Install]
WantedBy=case.target
END
cat >"$WORK/units/$TIERING" <<END
[Unit]
Requires=$SSHFS
After=$SSHFS
Before=$WORKER
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$WORK/apply
[Install]
WantedBy=case.target
END
printf '[Service]\nExecStart=tail -f /dev/null\n' >"$WORK/units/$WORKER"
cat >"$WORK/apply" <<END
#!/bin/bash
until mountpoint -q $OLD_BASE; do sleep 0.05; done # sleep-ok: polling
while read -r cold hot _; do
	[[ \$cold == \#* ]] || mountpoint -q "\$hot" || mount --bind "\$cold" "\$hot"
done <$MANIFEST
END
chmod 0755 "$WORK/apply"
systemd_start

is_active()
{
	inside systemctl -q is-active "$1"
}
is_enabled()
{
	inside systemctl -q is-enabled "$1"
}
migrate()
{
	inside env -u GUARDFS -u GUARDCTL PATH="/usr/local/sbin:/usr/local/bin:$PATH" \
		"$REPO/scripts/migrate-from-binds" --env "$ENV" --manifest "$MANIFEST" --jobs "$OLD_JOBS" --conf /etc/guardfs/test.conf \
		--state "$MSTATE" --known-hosts "$WORK/box/known_hosts" --name test --run-dir "$RUN" --state-dir "$STATE" "$@"
}
# The files as they are seen on that host.
assert_files()
{
	inside bash -c 'cd "$1" && shift && find "$@" -type f ! -path "*/unbound/*" -exec sha256sum {} +' _ \
		"$OLD_JOBS" "$JOB" manual-warcs imports | sort | diff "$WORK/sums" - || fail "files differ"
}
fstype()
{
	inside findmnt -nro FSTYPE -T "$1" | tail -n 1
}

inside systemctl enable --now "$SSHFS" "$TIERING"
inside systemctl start "$WORKER"
assert_eq "$(fstype "$OLD_JOBS/imports/legacy")" fuse.sshfs "the bind"
assert_files

say "migrated"
inside systemctl stop "$WORKER"
migrate >"$WORK/plan" || { cat "$WORK/plan"; fail "dry run"; }
grep -q "^dropins  */etc/systemd/system/$WORKER.d/guardfs.conf" "$WORK/plan" || { cat "$WORK/plan"; fail "the worker's drop-in is not planned"; }
! grep -q docker "$WORK/plan" || fail "a drop-in for a docker that is not there"
migrate --apply
is_active "$UNIT" || fail "guardfs is not active"
is_enabled "$UNIT" || fail "guardfs is not enabled"
! is_enabled "$SSHFS" && ! is_enabled "$TIERING" || fail "the old units are enabled"
assert_eq "$(fstype "$OLD_JOBS/imports/legacy")" fuse.guardfs "the route"
assert_eq "$(fstype "$OLD_BASE")" fuse.guardfs "the storage"
assert_files

say "the worker brings guardfs, and is not there without it"
inside systemctl start "$WORKER"
inside systemctl stop "$UNIT"
! is_active "$WORKER" || fail "the worker goes on without the mount"
assert_eq "$(inside findmnt -nro FSTYPE "$OLD_JOBS")" fuse.guardfs-closed "what is there instead"
assert_exit 1 'endpoint is not connected' inside stat "$OLD_JOBS/imports/legacy"
inside systemctl start "$WORKER"
is_active "$UNIT" || fail "the worker runs on the bare directory"
wait_until 20000 inside guardctl -c /etc/guardfs/test.conf wait --state healthy --timeout 20s
assert_files

say "unmounted by hand: systemd starts guardfs again, and the worker has never seen the bare directory for longer than it takes to close it"
pid=$(inside systemctl show -P MainPID "$UNIT")
inside umount "$OLD_JOBS"
wait_value 20000 inside systemctl show -P MainPID "$UNIT" != "$pid"
wait_until 20000 is_active "$UNIT"
wait_until 20000 inside guardctl -c /etc/guardfs/test.conf wait --state healthy --timeout 20s
is_active "$WORKER" || fail "the worker was stopped"
assert_files

say "rolled back: the worker is stopped with guardfs, and starts as it did"
migrate --rollback
assert_eq "$(stat -c %d:%i "$OLD_JOBS")" "$ROOT_ID" "the archive root"
! is_active "$WORKER" || fail "the worker runs on through the rollback"
assert_eq "$(inside systemctl show -P DropInPaths "$WORKER")" '' "drop-ins"
is_enabled "$SSHFS" && is_enabled "$TIERING" && is_active "$TIERING" || fail "the old units are not back"
assert_eq "$(fstype "$OLD_JOBS/imports/legacy")" fuse.sshfs "the bind"
inside systemctl start "$WORKER"
! is_active "$UNIT" || fail "the worker brings guardfs"
assert_files
