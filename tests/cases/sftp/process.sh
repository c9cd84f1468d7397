# The process that speaks SFTP: it has no rights, no files and no other process; it may die at any moment, and so may keeper, which
# finds it again.
# limit: 120
# long: deaths of each process, and a stopped one that is taken for dead at its deadline only
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

field()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# Longer than a partition takes to be found otherwise.
DEADLINE_WRITE=45000
setup_one_box
seq 1 100000 >"$SERVER/numbers"
start_guardfs
wait_healthy
pid=$(sshfs_pid)

say "what it has"
assert_eq "$(cat "/proc/$pid/comm")" guardfs-sftp
assert_eq "$(field "$pid" Uid)" $'65534\t65534\t65534\t65534'
assert_eq "$(field "$pid" Gid)" $'65534\t65534\t65534\t65534'
assert_eq "$(field "$pid" Groups)" ''
for set in CapInh CapPrm CapEff CapAmb; do
	assert_eq "$(field "$pid" $set)" 0000000000000000 $set
done
assert_eq "$(field "$pid" NoNewPrivs)" 1
assert_eq "$(field "$pid" Seccomp)" 2
assert_eq "$(find "/proc/$pid/fd" -lname '/*' -not -lname /dev/null -not -lname '/memfd:*' | wc -l)" 0 "files that it has open"
assert_eq "$(grep -c 'memfd:guardfs ' "/proc/$pid/maps")" 0 "the arena in its memory"

say "a server that has taken nothing in for as long as a caller may wait is slow: no kernel ends the connection before"
python3 - "$pid" $DEADLINE_WRITE <<'END'
import ctypes, os, socket, sys

pid, least = int(sys.argv[1]), int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
target = os.pidfd_open(pid)
TCP_USER_TIMEOUT, PIDFD_GETFD = 18, 438
found = []
for name in os.listdir("/proc/%d/fd" % pid):
    if not os.readlink("/proc/%d/fd/%s" % (pid, name)).startswith("socket:"):
        continue
    fd = libc.syscall(PIDFD_GETFD, target, int(name), 0)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    with socket.socket(fileno=fd) as s:
        if s.family in (socket.AF_INET, socket.AF_INET6):
            found.append(s.getsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT))
print(found)
assert len(found) == 2 and min(found) >= least, "ended after %s ms" % found
END

say "it dies: callers go on"
hold reader read "$COLD/numbers"
hold log append "$COLD/log"
assert_held OK 0 2000 log append before,
kill -9 "$pid"
assert_held OK 0 10000 log append after,
assert_held OK 0 2000 reader read 1000
wait_healthy
assert_ne "$(sshfs_pid)" "$pid" "the new process"

say "keeper dies: the same process serves on, without an incident"
pid=$(sshfs_pid) epoch=$(backend_field box epoch) keeper=$(process_pid keeper)
kill -9 "$keeper"
wait_value 10000 process_pid keeper != "$keeper"
wait_healthy
assert_held OK 0 2000 log append on,
assert_eq "$(sshfs_pid)" "$pid" "the process"
assert_eq "$(backend_field box epoch)" "$epoch" "the epoch"

say "worker dies: open files stay open at the server, and what nobody has any more is closed"
worker=$(process_pid worker)
kill -9 "$worker"
wait_value 10000 process_pid worker != "$worker"
assert_held OK 0 2000 log append still
assert_held OK 0 2000 reader read 2000
assert_eq "$(backend_field box epoch)" "$epoch" "the epoch"
let_go reader
let_go log
assert_content "$SERVER/log" before,after,on,still

say "it is stopped, which looks like a server that hangs"
kill -STOP "$(sshfs_pid)"
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/another"
wait_value 15000 backend_field box epoch -gt "$epoch"
wait_healthy
assert_content "$COLD/log" before,after,on,still

say "all of guardfs is killed: what is started next ends the process, which waits for one that knows of it"
pid=$(sshfs_pid)
kill_at_once $(guardfs_pids)
[[ -d /proc/$pid ]] || fail "it did not wait"
umount -l "$MNT"
start_guardfs
wait_healthy
wait_until 5000 is_gone "$pid"

say "guardfs ends, and it with it"
pid=$(sshfs_pid)
stop_guardfs
wait_until 5000 not test -e "/proc/$pid"
