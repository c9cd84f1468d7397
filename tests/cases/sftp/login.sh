# Ways to log in that libssh has: a password, a key behind a passphrase, a certificate, an agent. What is secret stays nowhere, a
# wrong password is sent once.
# limit: 120
# long: a mount for each of the ways
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

# Nothing here is about being late.
DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000 PROBE_TIMEOUT=20000

PASSWORD='open-sesame-4711'

# The password of root in this namespace.
set_password()
{
	grep -v ^root: /etc/shadow >"$WORK/shadow.new" || true
	printf 'root:%s:19000:0:99999:7:::\n' "$(openssl passwd -6 "$1")" >>"$WORK/shadow.new"
	cat "$WORK/shadow.new" >"$WORK/shadow"
}

# Failed and accepted passwords that the server has seen.
count_passwords()
{
	grep -c "$1 password for root" "$WORK/box/sshd.log" || true
}

count_logins()
{
	grep -c '^Accepted' "$WORK/box/sshd.log" || true
}

# logs_in LINE...: the box, by these lines of its section, serves.
logs_in()
{
	conf_begin
	conf 'backend box' 'type = sftp' 'host = 127.0.0.1' 'port = 2222' 'user = root' "known_hosts = $WORK/box/known_hosts" \
		"alias = $WORK/cold/box" "$@"
	conf_tier box/jobs/cold cold
	logins=$(count_logins)
	start_guardfs
	wait_healthy
	assert_content "$COLD/file" there
	assert_eq "$(count_logins)" $((logins + 2)) "logins, of two connections"
	echo "by $*" >"$COLD/written"
	assert_content "$SERVER/written" "by $*"
}

box_start box
touch "$WORK/shadow"
chmod 600 "$WORK/shadow"
set_password "$PASSWORD"
mount --bind "$WORK/shadow" /etc/shadow
sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/; s/^PermitRootLogin .*/PermitRootLogin yes/' "$WORK/box/sshd_config"
box_kill
box_restart
mkdir -p "$WORK/box/data/jobs/cold"
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
echo there >"$SERVER/file"

say "a password: it is in nobody's memory afterwards, and in nothing that is written"
(umask 077 && echo "$PASSWORD" >"$WORK/password")
logs_in "password_file = $WORK/password"
assert_eq "$(count_passwords Accepted)" 2 "passwords that were accepted"
python3 - "$PASSWORD" $(process_pid guardian) $(process_pid worker) $(process_pid keeper) $(sshfs_pid) <<'END'
import sys

def memory(pid):
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            fields = line.split()
            if "r" not in fields[1] or fields[-1] in ("[vvar]", "[vsyscall]") or "/memfd:" in line:
                continue
            begin, end = (int(x, 16) for x in fields[0].split("-"))
            while begin < end:
                try:
                    mem.seek(begin)
                    yield fields[-1], mem.read(min(end - begin, 1 << 20))
                except OSError:
                    pass
                begin += 1 << 20

looked = 0
for pid in map(int, sys.argv[2:]):
    for name, piece in memory(pid):
        looked += len(piece)
        assert sys.argv[1].encode() not in piece, "process %d has it, in %s" % (pid, name)
assert looked > 1 << 20, "only %d bytes were looked at" % looked
END
assert_no_secret()
{
	local found

	found=$(grep -rlF "$PASSWORD" "$WORK/guardfs.log" "$RUN" "$STATE" || true)
	[[ -z $found ]] || fail "it was written to $found"
}
assert_no_secret
[[ $(cat "$MNT/.guardfs/status.json" "$MNT/.guardfs/status") != *"$PASSWORD"* ]] || fail "it is shown"

say "the server's password changes: the one that is wrong is sent once, and then no more until the file is another one"
set_password other-words
before=$(count_passwords Failed)
box_cut
wait_value 15000 backend_field box class == auth_failed
wait_value 15000 backend_field box detail =~ 'not sent again within an hour'
assert_eq "$(count_passwords Failed)" $((before + 1)) "wrong passwords that were sent"
ctl diagnose box >"$WORK/diagnosis" 2>&1 || true
assert_eq "$(count_passwords Failed)" $((before + 1)) "wrong passwords that were sent, with a diagnosis"
echo other-words >"$WORK/password"
wait_healthy
assert_eq "$(count_passwords Failed)" $((before + 1)) "wrong passwords that were sent in all"
stop_guardfs
assert_no_secret

say "a file that others may read is not used"
chmod 640 "$WORK/password"
start_guardfs
wait_value 10000 backend_field box class == config
assert_match "$(backend_field box detail)" 'mode 0640 lets others have it; chmod 600'
chmod 600 "$WORK/password"
wait_healthy
stop_guardfs

say "a key with a passphrase: the program that knows it is run once"
cp "$WORK/box/user_key" "$WORK/locked"
ssh-keygen -q -p -N 'the words' -f "$WORK/locked" >/dev/null
printf '#!/bin/sh\necho asked >>%s\necho "the words"\n' "$WORK/asked" >"$WORK/askpass"
chmod 700 "$WORK/askpass"
logs_in "identity = $WORK/locked" "askpass = $WORK/askpass"
assert_eq "$(wc -l <"$WORK/asked")" 1 "questions"
stop_guardfs

say "a certificate beside the key, without which the key is worth nothing"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/authority"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/signed"
ssh-keygen -q -s "$WORK/authority" -I guardfs -n root "$WORK/signed.pub"
echo "TrustedUserCAKeys $WORK/authority.pub" >>"$WORK/box/sshd_config"
box_kill
box_restart
logs_in "identity = $WORK/signed"
stop_guardfs

say "an agent: once logged in the process can ask it for nothing"
eval "$(ssh-agent -s -a "$WORK/agent")" >/dev/null
echo "$SSH_AGENT_PID" >"$WORK/agent.pid"
ssh-add -q "$WORK/box/user_key"
unset SSH_AUTH_SOCK
logs_in "agent = $WORK/agent"
python3 - "$(sshfs_pid)" <<'END'
import ctypes, os, socket, sys

pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
target = os.pidfd_open(pid)
PIDFD_GETFD = 438
looked = 0
for name in os.listdir("/proc/%d/fd" % pid):
    if not os.readlink("/proc/%d/fd/%s" % (pid, name)).startswith("socket:"):
        continue
    fd = libc.syscall(PIDFD_GETFD, target, int(name), 0)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    with socket.socket(fileno=fd) as s:
        if s.family != socket.AF_UNIX or s.type != socket.SOCK_STREAM:
            continue
        looked += 1
        try:
            s.send(b"\0\0\0\1\x0b")
        except OSError:
            continue
        sys.exit("a socket of the process is open to write: %s" % s)
print("sockets looked at:", looked)
END
