# A server that offers SFTP and nothing beyond it: what that costs is seen, on raw sshfs too, and doctor and diagnose say so.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
sed -i 's/^\(\s*Subsystem sftp internal-sftp\)/\1 -P posix-rename,fsync,statvfs/' "$WORK/box/sshd_config"
box_kill
box_restart
start_guardfs
wait_until 15000 backend_is box healthy

# The first byte beyond those of the open log that are listed.
lost_bytes()
{
	ctl suspects --json | jq 'map(select(.path == "cold/log") | .ranges[0].to)[0] // 0'
}

say "what it costs: the same on raw sshfs"
mkdir "$WORK/raw"
sshfs -o "Port=2222,IdentityFile=$WORK/box/user_key,UserKnownHostsFile=$WORK/box/known_hosts" "root@127.0.0.1:jobs/cold" "$WORK/raw"
for place in "$WORK/raw" "$COLD"; do
	echo old >"$place/file"
	echo new >"$place/file.new"
	assert_fails mv -f "$place/file.new" "$place/file"
	assert_content "$place/file" old
	rm -f "$place/file" "$place/file.new"
done
assert_eq "$(df --output=size -BG "$WORK/raw" | tail -n 1 | tr -d ' ')" 1000G "size by raw sshfs"
umount "$WORK/raw"
[[ ${TYPE:-sshfs} != sftp ]] || assert_eq "$(stat -f -c '%b %f' "$COLD")" '0 0' "blocks by guardfs"

say "doctor has it asked, once; diagnose says it as well"
ctl doctor --json >"$WORK/findings" || true
jq -c '.[] | select(.id == "server:box")' "$WORK/findings"
assert_eq "$(jq -c '[.[] | select(.id == "server:box") | .severity]' "$WORK/findings")" '["warning","warning","warning"]'
for name in posix-rename fsync statvfs; do
	grep -q "offers no $name" "$WORK/findings" || fail "$name is not named"
done
assert_eq "$(backend_field box 'server_lacks | join(" ")')" 'posix-rename fsync statvfs'
asked=$(grep -c 'asked beside the mount' "$WORK/guardfs.log" || true)
ctl doctor >/dev/null || true
assert_eq "$(grep -c 'asked beside the mount' "$WORK/guardfs.log" || true)" "$asked" "times that the server was asked"
ctl diagnose box | tee "$WORK/said"
grep -q 'offers no posix-rename: renaming' "$WORK/said" || fail "diagnose does not say it"

say "what fsync said 0 of, and the server's machine lost, is told to whoever has the file open, and listed"
hold writer append "$COLD/log"
assert_held OK 0 5000 writer append synced
assert_held OK 0 5000 writer fsync
epoch=$(backend_field box epoch)
box_kill
: >"$SERVER/log"
box_restart
wait_value 15000 backend_field box epoch -gt "$epoch"
wait_until 15000 backend_is box healthy
assert_held EIO 0 5000 writer append after
assert_held EIO 0 5000 writer fsync
let_go writer
assert_content "$SERVER/log" ''
wait_value 5000 lost_bytes -eq 6

say "a better server in its place is found out by the next diagnosis"
sed -i 's/ -P posix-rename,fsync,statvfs//' "$WORK/box/sshd_config"
box_kill
box_restart
wait_until 15000 backend_is box healthy
ctl diagnose box >"$WORK/said"
assert_fails grep -q 'offers no' "$WORK/said"
ctl doctor --json >"$WORK/findings" || true
assert_eq "$(jq -c '[.[] | select(.id == "server:box") | .severity]' "$WORK/findings")" '["ok"]'
