# A server that has no descriptor left says "failure", of which sshfs makes "operation not permitted". No right is missing: it is trouble
# of the infrastructure, EIO, counted and looked into; over SFTP the server's limit is known, and the opener told of it: ENFILE. What the server does say of rights, or SFTP cannot do, stays what it is.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

box_start box 2222 '' nobody
mkdir -p "$WORK/box/data/jobs/cold"
chown -R nobody "$WORK/box/data"
prlimit --pid "$(cat "$WORK/box/sshd.pid")" --nofile=80:80
conf_begin
# Of type sftp, too, all goes over one connection: one server has no descriptor left.
echo 'connections = 2' >>"$CONF"
conf_box box
conf_tier box/jobs/cold cold
COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
start_guardfs
wait_healthy
raw_begin

# use_up DIRECTORY: as many files there as can be opened stay open, until free_up.
use_up()
{
	rm -f "$WORK/used"
	python3 -c '
import os, signal, sys
held = []
try:
    for i in range(200):
        held.append(open(f"{sys.argv[1]}/held-{i}", "w"))
except OSError as e:
    open(sys.argv[2] + ".new", "w").write(f"{e.errno} {len(held)}")
os.rename(sys.argv[2] + ".new", sys.argv[2])
signal.pause()' "$1" "$WORK/used" &
	echo $! >"$WORK/user.pid"
	wait_until 20000 test -s "$WORK/used"
}

free_up()
{
	kill "$(cat "$WORK/user.pid")"
	wait "$(cat "$WORK/user.pid")" || true
	rm "$WORK/user.pid"
}

say "sshfs alone"
mkdir "$SERVER/raw" "$SERVER/full" "$SERVER/mine"
echo text >"$SERVER/mine/file"
chmod 0777 "$SERVER/raw" "$SERVER/full" "$SERVER/mine"
use_up "$RAW/jobs/cold/raw"
assert_eq "$(cut -d' ' -f1 "$WORK/used")" 1 "errno of sshfs alone (EPERM)"
assert_op EPERM 0 1000 readdir "$RAW/jobs/cold/mine"
free_up
raw_end

error=EIO errno=5 counted=4
[[ ${TYPE:-sshfs} != sftp ]] || error=ENFILE errno=23 counted=0

say "guardfs: open, create, list"
errors=$(backend_field box counters.errors)
use_up "$COLD/full"
echo "errno, and files open: $(cat "$WORK/used")"
assert_eq "$(cut -d' ' -f1 "$WORK/used")" "$errno" "errno ($error)"
assert_op "$error" 0 1500 open "$COLD/mine/file"
assert_op "$error" 0 1500 create "$COLD/mine/new"
assert_op EEXIST 0 1500 create "$COLD/mine/file"
assert_op "$error" 0 1500 readdir "$COLD/mine"
assert_op EEXIST 0 1500 mkdir "$COLD/mine"
assert_op ENOENT 0 1500 stat "$COLD/mine/none"
assert_ge "$(backend_field box counters.errors)" $((errors + counted)) "errors counted"
free_up
wait_value 5000 "$TOOLS/timed" readdir "$COLD/mine" == 'OK*'
assert_op OK 0 1500 create "$COLD/mine/new"
assert_eq "$(backend_field box counters.timeouts)" 0 "timeouts"

say "rights, and what SFTP cannot do"
mkdir -m 0755 "$SERVER/others"
touch "$SERVER/others/file"
assert_op EACCES 0 1000 create "$COLD/others/new"
assert_op EACCES 0 1000 unlink "$COLD/others/file"
chmod 0600 "$SERVER/others/file"
assert_op EACCES 0 1000 open "$COLD/others/file"
assert_exit 1 'Permission denied' chmod 0666 "$COLD/others/file"
assert_exit 1 'Permission denied' chown 4711 "$COLD/others/file"
assert_exit 1 'Operation not permitted' mkfifo "$COLD/mine/pipe"
wait_until 5000 backend_is box healthy probation
