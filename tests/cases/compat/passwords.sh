# Passwords and passphrases: asked for on the terminal before the mount stands, and known to it afterwards, for as long as it is there.
# limit: 400
# long: the logins that ssh refuses are seen to stay refused
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/user.sh"

# typed ANSWER... -- ARGUMENT...: on a terminal.
typed()
{
	local answers=()

	while [[ $1 != -- ]]; do
		answers+=("$1")
		shift
	done
	shift
	ann python3 "$REPO/tests/lib/terminal.py" $((40 * SLOW)) "${answers[@]}" -- "$GUARD_SSHFS" "$@"
}

# The connection breaks, and there is another one.
reconnects()
{
	local epoch

	epoch=$(backend_field server epoch)
	box_cut
	wait_value 20000 backend_field server epoch -gt "$epoch"
	wait_healthy server
	ann ls "$MNT" >/dev/null
}

# set_password WORDS: root's, in this case.
set_password()
{
	local hash text

	hash=$(openssl passwd -6 -salt guardfs "$1") || skip "no openssl"
	text=$(sed "s|^root:[^:]*:|root:$hash:|" "$WORK/shadow")
	echo "$text" >"$WORK/shadow"
}

pid_of_asker()
{
	ps -o pid=,comm= -u "$ANN" | awk '$2 == "sshfs-guard-ask" { print $1 }'
}

passwords_judged()
{
	grep -c 'Failed password for root' "$WORK/box/sshd.log" || true
}

# fails_to_log_in N: the connection breaks, and so many tries to log in again fail; n_sent of passwords were sent by them.
fails_to_log_in()
{
	local tries

	n_sent=$(passwords_judged)
	box_cut
	wait_value 20000 backend_field server class == auth_failed
	tries=$(backend_field server attempts)
	wait_value 20000 backend_field server attempts -ge $((tries + $1))
	assert_eq "$(backend_field server class)" auth_failed
	n_sent=$(($(passwords_judged) - n_sent))
}

user_begin
box_kill
cp /etc/shadow "$WORK/shadow"
chmod 0640 "$WORK/shadow"
set_password right
mount --bind "$WORK/shadow" /etc/shadow
sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/; s/^PermitRootLogin .*/PermitRootLogin yes/; /^AuthorizedKeysFile/d' "$WORK/box/sshd_config"
echo "AuthorizedKeysFile $WORK/box/no_keys" >>"$WORK/box/sshd_config"
box_restart

say "a password, wrong at first, typed at a terminal"
text=$(typed wrong right -- server: "$MNT" -o "$GUARD_OPTIONS") || fail "$text"
[[ $text != *right* ]] || fail "the terminal showed it: $text"
ann_mounted || fail "not mounted: $text"
wait_healthy server
reconnects
unmount_as_ann

say "a wrong one, three times"
rc=0
text=$(typed a b c -- server: "$MNT" -o "$GUARD_OPTIONS") || rc=$?
assert_eq "$rc" 1 "exit status"
assert_match "$text" 'the server lets nobody in with that password or key'
wait_until 10000 ann_is_alone

say "on standard input"
echo right | sshfs_guard server: "$MNT" -o "password_stdin,$GUARD_OPTIONS"
wait_healthy server
reconnects
unmount_as_ann
assert_exit 1 'the server lets nobody in' sshfs_guard server: "$MNT" -o password_stdin <<<wrong
assert_exit 1 'standard input holds no password' sshfs_guard server: "$MNT" -o password_stdin </dev/null
wait_until 10000 ann_is_alone

say "the server refuses it: it is sent by one try, not by each"
echo right | sshfs_guard server: "$MNT" -o "password_stdin,$GUARD_OPTIONS"
wait_healthy server
set_password other
fails_to_log_in 4
assert_eq "$n_sent" 1 "passwords that the server has judged"
unmount_as_ann
set_password right

say "nobody is there any more who knows it: nothing is sent in its place"
echo right | sshfs_guard server: "$MNT" -o "password_stdin,$GUARD_OPTIONS"
wait_healthy server
kill -9 "$(pid_of_asker)"
fails_to_log_in 2
# sshd's log has no word of an empty one. Later tries are made without a password.
grep -q 'nobody is there who knows the answer' "$ANN_HOME"/run/guardfs/*/log || fail "ssh was not ended"
assert_eq "$n_sent" 0 "passwords that the server has judged"
unmount_as_ann

say "nor is a jump host's, whose ssh gets none of the options"
box_kill
sed -i 's/^AllowTcpForwarding no/AllowTcpForwarding yes/' "$WORK/box/sshd_config"
box_restart
{ sed 's/^Host server/Host far/' "$ANN_HOME/.ssh/config"; echo '  ProxyJump server'; } >"$ANN_HOME/far"
cat "$ANN_HOME/far" >>"$ANN_HOME/.ssh/config"
text=$(typed right right -- far: "$MNT" -o "$GUARD_OPTIONS") || fail "$text"
wait_healthy server
reconnects
set_password other
fails_to_log_in 4
# Its ssh would ask three times in the first try: it gets no options. The other tries send none.
assert_eq "$n_sent" 1 "passwords that the jump host has judged"
unmount_as_ann
set_password right

say "the passphrase of a key, and a host key that is not known yet"
box_kill
sed -i "s|^AuthorizedKeysFile .*|AuthorizedKeysFile $WORK/box/authorized_keys|; s/^PasswordAuthentication yes/PasswordAuthentication no/" "$WORK/box/sshd_config"
box_restart
ssh-keygen -q -p -P '' -N secret -f "$ANN_HOME/.ssh/key"
chown "$ANN:$ANN" "$ANN_HOME/.ssh/key"
rm "$ANN_HOME/.ssh/known_hosts"
text=$(typed yes secret -- server: "$MNT" -o "$GUARD_OPTIONS") || fail "$text"
assert_match "$text" "authenticity of host.*Enter passphrase for key"
wait_healthy server
reconnects
unmount_as_ann
