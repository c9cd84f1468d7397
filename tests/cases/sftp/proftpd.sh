# Another server than OpenSSH's: proftpd with mod_sftp, which knows its users and their passwords from a file of its own. Names, data,
# attributes, an outage in the midst of writing, and a login by each way that it has.
# limit: 120
# long: two servers to be started and two mounts
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

# Nothing here is about being late.
DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000 PROBE_TIMEOUT=20000

[[ -x /usr/sbin/proftpd && -e /usr/lib/proftpd/mod_sftp.so ]] || skip "no proftpd with mod_sftp (package proftpd-mod-crypto)"

# In a session of its own: it has a process for each connection.
proftpd_start()
{
	setsid /usr/sbin/proftpd -n -c "$WORK/proftpd.conf" </dev/null >>"$WORK/proftpd.log" 2>&1 &
	echo $! >"$WORK/proftpd.pid"
	wait_until 10000 answers_at 2290
}

# Its connections break. (The listener stays: another one could not bind the port for as long as some of them are in TIME_WAIT.)
proftpd_cut()
{
	kill -KILL $(descendants_of "$(cat "$WORK/proftpd.pid")")
}

mkdir -p "$WORK/data/jobs/cold" "$WORK/keys"
COLD=$MNT/cold SERVER=$WORK/data/jobs/cold
echo there >"$SERVER/file"
chown -R 1000:1000 "$WORK/data"
ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f "$WORK/keys/host"
ssh-keygen -q -t rsa -b 2048 -N '' -f "$WORK/keys/user"
ssh-keygen -e -f "$WORK/keys/user.pub" >"$WORK/keys/authorized"
echo "[127.0.0.1]:2290 $(cut -d' ' -f1,2 "$WORK/keys/host.pub")" >"$WORK/known_hosts"
(umask 077 && echo "box:$(openssl passwd -6 'a word'):1000:1000::$WORK/data:/bin/false" >"$WORK/passwd" && echo 'a word' >"$WORK/password")
cat >"$WORK/proftpd.conf" <<-END
	ModulePath /usr/lib/proftpd
	LoadModule mod_sftp.c
	ServerType standalone
	UseIPv6 off
	DefaultAddress 127.0.0.1
	Port 2290
	User root
	Group root
	PidFile $WORK/proftpd.run
	ScoreboardFile none
	AuthUserFile $WORK/passwd
	AuthOrder mod_auth_file.c
	RequireValidShell off
	UseReverseDNS off
	WtmpLog off
	MaxInstances 20
	DefaultRoot ~
	AllowOverwrite on
	AllowStoreRestart on
	<IfModule mod_delay.c>
	DelayEngine off
	</IfModule>
	SFTPEngine on
	SFTPLog $WORK/sftp.log
	SFTPHostKey $WORK/keys/host
	SFTPAuthMethods publickey password
	SFTPAuthorizedUserKeys file:$WORK/keys/authorized
END
proftpd_start

# serves LINE...
serves()
{
	conf_begin
	conf 'backend box' 'type = sftp' 'host = 127.0.0.1' "port = ${PORT:-2290}" 'user = box' "known_hosts = $WORK/known_hosts" \
		"alias = $WORK/cold/box" "$@"
	conf_tier box/jobs/cold cold
	start_guardfs
	wait_healthy
}

say "a wrong password"
(umask 077 && echo 'another word' >"$WORK/wrong")
conf_begin
conf 'backend box' 'type = sftp' 'host = 127.0.0.1' 'port = 2290' 'user = box' "known_hosts = $WORK/known_hosts" \
	"alias = $WORK/cold/box" "password_file = $WORK/wrong"
conf_tier box/jobs/cold cold
start_guardfs
wait_value 15000 backend_field box class == auth_failed
stop_guardfs

say "a password"
serves "password_file = $WORK/password"
assert_content "$COLD/file" there
cat "$MNT/.guardfs/status" | sed -n 1,40p

say "names, data, attributes"
head -c 5000000 /dev/urandom >"$WORK/random"
cp "$WORK/random" "$COLD/data"
cmp "$WORK/random" "$SERVER/data"
cmp "$WORK/random" "$COLD/data"
truncate -s 1000000 "$COLD/data"
assert_eq "$(stat -c %s "$SERVER/data")" 1000000
echo one >"$COLD/new"
echo two >>"$COLD/new"
mv "$COLD/new" "$COLD/file"
assert_eq "$(cat "$SERVER/file")" $'one\ntwo'
mkdir -p "$COLD/a/b"
ln -s ../x "$COLD/a/link"
assert_eq "$(readlink "$SERVER/a/link")" ../x # asked for its text the server itself answers with the whole path
chmod 640 "$COLD/file"
assert_eq "$(stat -c %a "$SERVER/file")" 640
touch -d '2001-02-03 04:05:06' "$COLD/file"
assert_eq "$(stat -c %Y "$SERVER/file")" "$(date -d '2001-02-03 04:05:06' +%s)"
for i in $(seq 200); do : >"$COLD/a/$i"; done
assert_eq "$(ls "$COLD/a" | wc -l)" 202
assert_op EEXIST 0 1000 mkdir "$COLD/a"
assert_exit 1 'not empty' rmdir "$COLD/a"
assert_op ENOENT 0 1000 stat "$COLD/nothing"
rm -r "$COLD/a"
assert_missing "$SERVER/a"
exec 5>"$COLD/log"
echo kept >&5

say "an outage: what is open goes on"
epoch=$(backend_field box epoch)
proftpd_cut
wait_value 20000 backend_field box epoch -gt "$epoch"
wait_healthy
echo more >&5
exec 5>&-
assert_content "$SERVER/log" $'kept\nmore'
stop_guardfs

say "a key"
serves "identity = $WORK/keys/user"
assert_content "$COLD/log" $'kept\nmore'
stop_guardfs

say "reads beside a writer, over a slow link: no second channel, of which mod_sftp mixes up the packets"
relay_start far 2300 2290
relay far delay 5
relay far rate 20000
sed -i 's/:2290/:2300/' "$WORK/known_hosts"
seq 1 100000 >"$SERVER/numbers"
PORT=2300 PROBE_TIMEOUT=10000 DEADLINE_READ=20000 DEADLINE_METADATA=20000 serves "identity = $WORK/keys/user" 'durability = behind'
head -c 60000000 "$GUARDFS" >"$WORK/large"
cat "$WORK/large" "$WORK/large" "$WORK/large" "$WORK/large" "$WORK/large" "$WORK/large" "$WORK/large" "$WORK/large" >"$WORK/larger"
cp "$WORK/larger" "$COLD/larger" &
writer=$!
while [[ -d /proc/$writer && $(sed 's/.*) //' "/proc/$writer/stat") != Z* ]]; do
	cmp <(head -c 100000 "$COLD/numbers") <(head -c 100000 "$SERVER/numbers")
	head -c 1 "$COLD/file" >/dev/null
done
wait "$writer"
cmp "$WORK/larger" "$SERVER/larger"
assert_eq "$(backend_field box epoch)" 1
! grep "channel ID 1)" "$WORK/sftp.log" || fail "a second channel"
stop_guardfs
