# What is wrong is named: connection refused, a server that vanishes and returns.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy
box_kill
wait_down
assert_op EIO 0 50 stat "$COLD/new"
wait_value 10000 cat "$MNT/.guardfs/health" =~ '^down refused [0-9]+'
assert_match "$(route_field cold state)" "^(down|recovering)$" "state of the route"
wait_value 5000 backend_field box next_attempt -gt 0
wait_value 5000 backend_field box pid == 0 # not while another one is tried
box_restart
wait_healthy
assert_ne "$(backend_field box pid)" 0 "pid of its successor"
assert_eq "$(route_field cold errno)" 0 "errno of the route"
wait_value 10000 cut -d" " -f1 "$MNT/.guardfs/health" == ok
