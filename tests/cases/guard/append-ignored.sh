# A server that ignores that a file is opened for appending: a diagnosis that may write finds it out, and from then on each append goes
# to the end that the file has by asking for it.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

[[ -x /usr/lib/openssh/sftp-server ]] || skip "no sftp-server of its own here"
setup_one_box 'canary = yes'
sed -i "s|^\(\s*Subsystem sftp\) internal-sftp|\1 /usr/bin/python3 $REPO/tests/cases/guard/append-ignored.py|" "$WORK/box/sshd_config"
box_kill
box_restart
start_guardfs
wait_until 15000 backend_is box healthy

say "found out, and told"
ctl diagnose box | tee "$WORK/said"
grep -q 'offers no append' "$WORK/said" || fail "diagnose does not say it"
assert_eq "$(backend_field box 'server_lacks | join(" ")')" append
say "and still known after a reconnect"
epoch=$(backend_field box epoch)
box_cut
wait_value 15000 backend_field box epoch -gt "$epoch"
wait_until 15000 backend_is box healthy
assert_eq "$(backend_field box 'server_lacks | join(" ")')" append

say "appends in turns with another client, and after its truncation; O_APPEND taken and given"
for part in turns cut setfl direct mapped; do
	say "$part"
	python3 "$REPO/tests/cases/guard/append.py" "$part" "$COLD" "$SERVER"
done

say "a better server in its place"
sed -i "s|^\(\s*Subsystem sftp\) .*|\1 internal-sftp -d $WORK/box/data|" "$WORK/box/sshd_config"
box_kill
box_restart
wait_until 15000 backend_is box healthy
ctl diagnose box >"$WORK/said"
assert_fails grep -q 'offers no' "$WORK/said"
python3 "$REPO/tests/cases/guard/append.py" at_once "$COLD" "$SERVER"
