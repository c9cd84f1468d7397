# error = ETIMEDOUT: the errno that stands for infrastructure trouble is the configured one.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
sed -i 's/^\[mount\]$/[mount]\nerror = ETIMEDOUT/' "$CONF"
start_guardfs
wait_healthy
stat "$COLD" >/dev/null # not listed: a name that is not there would be known
box_freeze
assert_op ETIMEDOUT 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/new"
wait_down
assert_op ETIMEDOUT 0 20 mkdir "$COLD/new"
