# The OpenSSH client as the stream of a backend of type sftp: it serves, dies, hangs and is found again as libssh's connection is, and
# nothing of it outlives its transport.
# limit: 120
# long: deaths of each process, and a server that is silent until a deadline
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"

# clients [TRANSPORT]: its ssh processes, one a line.
clients()
{
	local pid

	for pid in $(descendants_of "${1:-$(sshfs_pid)}"); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != ssh ]] || echo "$pid"
	done
}

number_of_clients()
{
	clients | wc -l
}

field()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# All that belongs to the present epoch.
note_epoch()
{
	pid=$(sshfs_pid) epoch=$(backend_field box epoch)
	family=("$pid" $(clients "$pid"))
	assert_eq "${#family[@]}" 3 "a transport and its clients"
}

# It has ended, whole, before the next one serves.
assert_new_epoch()
{
	wait_value 15000 backend_field box epoch -gt "$epoch"
	wait_healthy
	are_gone "${family[@]}" || fail "of the epoch before there is still something: ${family[*]}"
}

setup_one_box
seq 1 100000 >"$SERVER/numbers"
start_guardfs
wait_healthy
note_epoch

say "two of them, with no capability but those to reach files; the transport has nothing"
files=$(printf %016x $((0x$(field "$GUARDIAN" CapEff) & 6))) # DAC_OVERRIDE, DAC_READ_SEARCH, if there are any
for client in "${family[@]:1}"; do
	assert_eq "$(field "$client" CapEff)" "$files"
	assert_eq "$(field "$client" CapPrm)" "$files"
	assert_eq "$(field "$client" NoNewPrivs)" 1
done
assert_eq "$(field "$pid" Uid)" $'65534\t65534\t65534\t65534'
assert_eq "$(field "$pid" CapPrm)" 0000000000000000
assert_eq "$(field "$pid" Seccomp)" 2

say "names, data, attributes"
head -c 5000000 /dev/urandom >"$WORK/data"
cp "$WORK/data" "$COLD/data"
cmp "$WORK/data" "$SERVER/data"
cmp "$WORK/data" "$COLD/data"
mkdir -p "$COLD/a/b"
mv "$COLD/data" "$COLD/a/b/data"
assert_eq "$(stat -c %s "$SERVER/a/b/data")" 5000000
rm -r "$COLD/a"
assert_missing "$SERVER/a"
assert_op ENOENT 0 1000 stat "$COLD/nothing"

say "an ssh dies, the one or the other: callers go on"
hold reader read "$COLD/numbers"
hold log append "$COLD/log"
assert_held OK 0 2000 log append one,
for which in 1 2; do
	note_epoch
	kill -9 "${family[which]}"
	assert_held OK 0 10000 log append "ssh$which,"
	assert_new_epoch
done
assert_held OK 0 2000 reader read 1000

say "the transport dies: its clients with it"
note_epoch
kill -9 "$pid"
assert_held OK 0 10000 log append transport,
assert_new_epoch

say "keeper dies: all of it serves on, without an incident"
note_epoch
keeper=$(process_pid keeper)
kill -9 "$keeper"
wait_value 10000 process_pid keeper != "$keeper"
wait_healthy
assert_held OK 0 2000 log append keeper,
assert_eq "$(sshfs_pid)" "$pid" "the process"
assert_eq "$(backend_field box epoch)" "$epoch" "the epoch"
assert_eq "$(clients | tr '\n' ' ')" "${family[*]:1} " "the clients"

assert_match "$(find "/proc/$(process_pid keeper)/fd" -printf '%l\n')" "$(readlink "/proc/$pid/fd/2" | tr '[]' '..')" "the new keeper hears them"

say "an ssh of that one dies"
kill -9 "${family[1]}"
assert_held OK 0 10000 log append adopted,
assert_new_epoch

say "keeper and the transport die at once, before a silent server: the next keeper ends what is left"
note_epoch
box_freeze
keeper=$(process_pid keeper)
kill -9 "$keeper" "$pid"
wait_until 15000 are_gone "${family[@]}"
box_thaw
assert_new_epoch

say "the server is silent: callers have their answer, and the connection is another one afterwards"
note_epoch
box_freeze
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/another"
wait_until 15000 are_gone "${family[@]}"
box_thaw
assert_new_epoch

say "the server is killed, and comes back"
note_epoch
box_kill
wait_down
wait_value 10000 backend_field box class == refused
box_restart
assert_new_epoch
assert_held OK 0 2000 log append back
assert_held OK 0 2000 reader read 1000
let_go reader
let_go log
assert_content "$SERVER/log" one,ssh1,ssh2,transport,keeper,adopted,back

say "all of guardfs is killed, before a silent server: what is started next ends what was left"
note_epoch
processes=($(guardfs_pids)) # before the freeze: keeper ends a silent transport after a second
box_freeze
kill_at_once "${processes[@]}" "$pid"
are_gone "${family[@]}" && fail "nothing was left"
umount -l "$MNT"
start_guardfs
wait_until 15000 are_gone "${family[@]}"
box_thaw
wait_healthy

say "guardfs ends, and all of it"
note_epoch
stop_guardfs
wait_until 5000 are_gone "${family[@]}"
