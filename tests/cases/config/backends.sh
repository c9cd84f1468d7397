# What is wrong with a backend is named by class and message, and does not keep the mount from coming up: no sshfs, a
# wrong key, a key that cannot be read, a changed or unknown host key, a missing path, a name that does not resolve.
# limit: 120
# long: a start for each thing that may be wrong with a backend, until it is diagnosed
. "$REPO/tests/lib/lib.sh"

box_start box
mkdir -p "$WORK/box/data/jobs/cold"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/other_key"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/other_host"
echo "[127.0.0.1]:2222 $(cut -d' ' -f1,2 "$WORK/other_host.pub")" >"$WORK/changed_hosts"
: >"$WORK/empty_hosts"

# trouble CLASS SED: with the configuration changed, the backend is down with this class, and says something useful.
trouble()
{
	local class=$1

	say "$class: $2"
	conf_begin
	conf_box box
	conf_tier box/jobs/cold cold
	sed -i "$2" "$CONF"
	start_guardfs
	wait_value 15000 backend_field box class == "$class"
	echo "  $(backend_field box detail)"
	echo "  $(backend_field box advice)"
	assert_ne "$(backend_field box detail)" '' "detail"
	assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$MNT/cold/new"
	echo ok >"$MNT/local"
	assert_match "$(cat "$MNT/.guardfs/health")" "^down $class"
	stop_guardfs
}

trouble config 's,^type = sshfs,type = sshfs\nsshfs_command = /nonexistent/sshfs,'
trouble auth_failed "s,^identity = .*,identity = $WORK/other_key,"
trouble config "s,^identity = .*,identity = $WORK/nonexistent,"
trouble host_key_changed "s,^known_hosts = .*,known_hosts = $WORK/changed_hosts,"
trouble host_key_changed "s,^known_hosts = .*,known_hosts = $WORK/empty_hosts,"
trouble path_missing 's,^type = sshfs,type = sshfs\npath = no/such/place,'
trouble name_resolution 's,^host = .*,host = no-such-host.invalid,'
trouble refused 's,^port = .*,port = 2999,'

say "right at last"
conf_begin
conf_box box
conf_tier box/jobs/cold cold
start_guardfs
wait_healthy
