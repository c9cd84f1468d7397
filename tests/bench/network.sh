# How long from a network that is back until a file on the other host is opened and read again, by a caller who asks each 5 ms: the
# link was down for so long that the next try to connect was a minute away. TYPES: of the backend. Not part of `make bench`.
. "$REPO/tests/bench/lib.sh"
. "$REPO/tests/lib/other-host.sh"
times=$(pick 10 3)
BACKOFF_MIN=60000 BACKOFF_MAX=600000

waits()
{
	[[ $(backend_field box state) == down ]] && (($(backend_field box attempts) >= 1))
}

# Milliseconds from before the link is set up.
answers_after()
{
	python3 - "$COLD/file" "$HERE/24" <<-'END'
		import subprocess, sys, time
		began = time.monotonic()
		subprocess.run(["ip", "link", "set", "to-there", "up"], check=True)
		subprocess.run(["ip", "address", "replace", sys.argv[2], "dev", "to-there"], check=True)
		while time.monotonic() < began + 90:
		    try:
		        with open(sys.argv[1]) as f:
		            if f.read() == "content\n":
		                ended = time.monotonic()
		                print(round((ended - began) * 1000))
		                sys.exit(0)
		    except OSError:
		        pass
		    time.sleep(0.005)  # sleep-ok: so often it is looked
		sys.exit(1)
	END
}

# Of ssh alone, on this machine as busy as it is: what the server's answer costs whoever connects anew.
login_takes()
{
	local start

	start=$(now_ms)
	sftp -q -b /dev/null -i "$WORK/box/user_key" -o "UserKnownHostsFile=$WORK/box/known_hosts" -P 2222 "root@$THERE" >/dev/null
	echo $(($(now_ms) - start))
}

other_host_begin 'connect_timeout = 15s'
cp "$CONF" "$WORK/any.conf"
for type in ${TYPES:-sshfs sftp}; do
	sed "s/^type = .*/type = $type/" "$WORK/any.conf" >"$CONF"
	start_guardfs
	wait_healthy
	for ((i = 0; i < times; i++)); do
		sleep 11 # sleep-ok: who breaks within 10 s of serving is not tried again at once, from the fourth time on
		link_down
		wait_down box 30000
		wait_until 90000 waits
		answers_after >>"$WORK/$type.took" || fail "no answer in 90 s"
		wait_healthy
		login_takes >>"$WORK/$type.logins"
	done
	stop_guardfs
	echo "$type: $(xargs <"$WORK/$type.took")"
	spread 'a login with sftp, ms' - - <"$WORK/$type.logins"
	spread 'network back: until a file is read, ms' "$type" '<= 1000' <"$WORK/$type.took"
done
other_host_end
