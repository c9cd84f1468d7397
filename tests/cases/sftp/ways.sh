# Both streams: new keys every MiB while data go both ways, IPv6, a hashed known_hosts, and a host key that an authority has signed.
# limit: 180
# long: some thirty keys to be exchanged for each stream, and seven mounts
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

# Nothing here is about being late.
DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000 PROBE_TIMEOUT=20000

# serves STREAM LINE...
serves()
{
	conf_begin
	conf 'backend box' 'type = sftp' "stream = $1" 'port = 2222' 'user = root' "identity = $WORK/box/user_key" \
		"alias = $WORK/cold/box" "${@:2}"
	[[ $1 != openssh ]] || echo 'ssh_config = /dev/null' >>"$CONF"
	conf_tier box/jobs/cold cold
	start_guardfs
	wait_healthy
	assert_content "$COLD/file" there
}

box_start box
sed -i 's/^ListenAddress .*/ListenAddress [::1]:2222\nListenAddress 127.0.0.1:2222/' "$WORK/box/sshd_config"
sed -i '1i LogLevel DEBUG1' "$WORK/box/sshd_config"
box_kill
box_restart
mkdir -p "$WORK/box/data/jobs/cold"
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
echo there >"$SERVER/file"
key=$(cut -d' ' -f1,2 "$WORK/box/host_key.pub")

say "IPv6"
echo "[::1]:2222 $key" >"$WORK/known6"
for stream in libssh openssh; do
	serves $stream 'host = ::1' "known_hosts = $WORK/known6"
	stop_guardfs
done

say "a hashed known_hosts"
cp "$WORK/box/known_hosts" "$WORK/hashed"
ssh-keygen -q -H -f "$WORK/hashed" >/dev/null 2>&1
assert_match "$(cat "$WORK/hashed")" '^\|1\|'
for stream in libssh openssh; do
	serves $stream 'host = 127.0.0.1' "known_hosts = $WORK/hashed"
	stop_guardfs
done

say "a host key that an authority has signed: ssh alone can follow it, and that is said"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/authority"
ssh-keygen -q -s "$WORK/authority" -h -I box -n 127.0.0.1 "$WORK/box/host_key.pub"
echo "HostCertificate $WORK/box/host_key-cert.pub" >>"$WORK/box/sshd_config"
box_kill
box_restart
echo "@cert-authority [127.0.0.1]:2222 $(cut -d' ' -f1,2 "$WORK/authority.pub")" >"$WORK/signed"
serves openssh 'host = 127.0.0.1' "known_hosts = $WORK/signed"
stop_guardfs
conf_begin
conf 'backend box' 'type = sftp' 'host = 127.0.0.1' 'port = 2222' 'user = root' "identity = $WORK/box/user_key" \
	"alias = $WORK/cold/box" "known_hosts = $WORK/signed"
conf_tier box/jobs/cold cold
start_guardfs
wait_value 10000 backend_field box class == host_key_changed
assert_match "$(backend_field box detail)" '@cert-authority.*stream = openssh'
stop_guardfs

say "new keys under load"
echo 'RekeyLimit 1M' >>"$WORK/box/sshd_config"
box_kill
box_restart
head -c $((12 << 20)) /dev/urandom >"$WORK/random"
cp "$WORK/random" "$SERVER/random"
for stream in libssh openssh; do
	serves $stream 'host = 127.0.0.1' "known_hosts = $WORK/box/known_hosts"
	epoch=$(backend_field box epoch) before=$(incidents '.incidents | length')
	: >"$WORK/box/sshd.log"
	for i in 1 2; do
		cp "$WORK/random" "$COLD/written.$i" &
		writers[i]=$!
	done
	cmp "$WORK/random" "$COLD/random"
	for i in $(seq 200); do
		echo "$i" >"$COLD/small.$i"
	done
	wait "${writers[@]}"
	for i in 1 2; do
		cmp "$WORK/random" "$SERVER/written.$i"
	done
	assert_eq "$(cat "$SERVER"/small.* | wc -l)" 200
	assert_eq "$(backend_field box epoch)" "$epoch" "the epoch"
	assert_eq "$(incidents '.incidents | length')" "$before" "incidents"
	assert_ge "$(grep -c 'SSH2_MSG_NEWKEYS received' "$WORK/box/sshd.log")" 10 "key exchanges"
	stop_guardfs
	rm "$SERVER"/written.* "$SERVER"/small.*
done
