# alone
# types: sshfs sftp
# limit: 90
# long: three outages, each until a try to connect has been refused
# What no time will mend is not waited for: whoever waits is told so as soon as that is known, and whoever comes at once.
. "$REPO/tests/lib/lib.sh"

PATIENCE=10000 DEADLINE_METADATA=8000

# hopeless CLASS COMMAND...: the connection is lost, and by what the command does cannot be made anew.
hopeless()
{
	local class=$1 caller

	shift
	start_guardfs
	wait_until 15000 backend_is box healthy
	"$@"
	box_cut box
	"$TOOLS/timed" stat "$COLD/new" >"$WORK/waited"
	cat "$WORK/waited"
	wait_value 10000 backend_field box class == "$class"
	[[ $(cut -d' ' -f1 "$WORK/waited") == EIO ]] || fail "$class: $(cat "$WORK/waited")"
	assert_le "$(cut -d' ' -f2 "$WORK/waited")" 4000000 "$class: how long a caller waited, us"
	# One call on a busy machine; the patience is ten seconds.
	assert_op EIO 0 500 stat "$COLD/other"
	stop_guardfs
}

take_keys_away()
{
	: >"$WORK/box/authorized_keys"
}

change_host_key()
{
	rm "$WORK/box/host_key" "$WORK/box/host_key.pub"
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/box/host_key"
	kill -HUP "$(cat "$WORK/box/sshd.pid")"
}

move_root_away()
{
	mv "$WORK/box/data/root" "$WORK/box/data/elsewhere"
}

setup_one_box
say "our key is not accepted any more"
hopeless auth_failed take_keys_away
cp "$WORK/box/user_key.pub" "$WORK/box/authorized_keys"

say "the path on the server is gone"
mkdir -p "$WORK/box/data/root/jobs/cold"
sed -i 's|^identity = |path = root\n&|' "$CONF"
hopeless path_missing move_root_away
mv "$WORK/box/data/elsewhere" "$WORK/box/data/root"

say "the server shows another host key"
hopeless host_key_changed change_host_key
