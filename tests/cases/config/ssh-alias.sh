# An alias of ssh_config stands for host, port and user: for sshfs, for a diagnosis, for doctor.
. "$REPO/tests/lib/lib.sh"

box_start box
mkdir -p "$WORK/box/data/jobs/cold" "$WORK/ssh" /root/.ssh
# root's own directory is covered, in this case's mount namespace alone.
mount --bind "$WORK/ssh" /root/.ssh
chmod 700 "$WORK/ssh"
printf 'Host storage-by-alias\nHostName 127.0.0.1\nPort %s\nUser root\n' "$(cat "$WORK/box/port")" >"$WORK/ssh/config"
conf_begin
conf 'backend box' 'type = sshfs' 'host = storage-by-alias' "identity = $WORK/box/user_key" \
	"known_hosts = $WORK/box/known_hosts" "alias = $WORK/cold/box"
conf_tier box/jobs/cold cold
start_guardfs
wait_until 15000 backend_is box healthy
ctl diagnose box | tee "$WORK/said"
grep -q 'every step passed' "$WORK/said" || fail "the diagnosis does not find the server behind the alias"
ctl doctor --json >"$WORK/findings" || true
assert_eq "$(jq -r '.[] | select(.id == "known-hosts:box").severity' "$WORK/findings")" ok "known hosts"

say "through a proxy: no diagnosis that would be wrong"
echo 'ProxyCommand nc 127.0.0.1 2222' >>"$WORK/ssh/config"
assert_exit 111 'ended without a result' ctl diagnose box
wait_until 5000 grep -q 'no diagnosis: by ssh_config' "$WORK/guardfs.log"
stop_guardfs
umount /root/.ssh
