# The package guardfs-sshfs may make sshfs-guard the command sshfs: a backend of type sshfs takes the sshfs that was set aside, and where there is none
# it is down and says why, until sshfs is installed.
# limit: 120
# long: sshfs goes, and comes back, each time with a recovery
TYPE=sshfs
. "$REPO/tests/lib/lib.sh"

# As the package's diversion and the alternative do it.
mkdir -p "$WORK/upper" "$WORK/ovl"
mount -t overlay overlay -o "lowerdir=/usr/bin,upperdir=$WORK/upper,workdir=$WORK/ovl" /usr/bin || skip "no overlay file system"
[[ -e /usr/bin/sshfs.distrib ]] || cp /usr/bin/sshfs /usr/bin/sshfs.distrib
ln -sfn "$BUILD/sshfs-guard" /usr/bin/sshfs
assert_exit 0 '^sshfs-guard ' sshfs -V

# The level of its finding about sshfs.
doctor_says()
{
	{ ctl doctor --json || true; } | jq -r '.[] | select(.id == "sshfs") | .severity'
}

runs_guard()
{
	descendants_of "$GUARDIAN" | xargs -r -I{} readlink /proc/{}/exe | grep sshfs-guard
}

setup_one_box
mkdir -p "$SERVER"
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
assert_content "$COLD/file" hello
assert_eq "$(readlink "/proc/$(sshfs_pid)/exe")" /usr/bin/sshfs.distrib

say "nor is sshfs-guard taken for a configured path"
stop_guardfs
sed -i '/^type = sshfs/a sshfs_command = /usr/bin/sshfs' "$CONF"
start_guardfs
wait_healthy
assert_eq "$(readlink "/proc/$(sshfs_pid)/exe")" /usr/bin/sshfs.distrib

say "sshfs is removed, and sshfs-guard alone is left"
mv /usr/bin/sshfs.distrib "$WORK/sshfs"
kill -9 "$(sshfs_pid)"
wait_value 15000 backend_field box class == config
assert_match "$(backend_field box detail)" 'it is sshfs-guard here.*install sshfs' "detail in status"
assert_fails cat "$COLD/file"
assert_fails runs_guard
assert_eq "$(doctor_says)" error "doctor's finding"

say "sshfs is installed again"
mv "$WORK/sshfs" /usr/bin/sshfs.distrib
ctl reconnect box >/dev/null
wait_healthy
assert_content "$COLD/file" hello
assert_eq "$(readlink "/proc/$(sshfs_pid)/exe")" /usr/bin/sshfs.distrib
stop_guardfs
umount -l /usr/bin
