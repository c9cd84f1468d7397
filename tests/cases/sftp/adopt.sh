# A marker that could not be written does not stand in the way of the next try, whether it was left empty or not.
# limit: 60
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

has_marker()
{
	[[ -s $WORK/box/data/.guardfs-id ]]
}

setup_one_box 'adopt = yes'
sed -i "s|^\(\s*Subsystem sftp\) .*|\1 python3 -B $REPO/tests/lib/odd-server.py $WORK/box/data $WORK/rules|" "$WORK/box/sshd_config"
box_kill
box_restart

say "it cannot be written"
echo 'write * 4' >"$WORK/rules"
start_guardfs
wait_value 15000 backend_field box detail '=~' 'writing .guardfs-id'
wait_until 5000 assert_missing "$WORK/box/data/.guardfs-id"

say "nor removed, and then it can"
echo 'remove * 4' >>"$WORK/rules"
wait_until 15000 test -e "$WORK/box/data/.guardfs-id"
rm "$WORK/rules"
wait_healthy
has_marker || fail "no marker was written"
