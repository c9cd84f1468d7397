# Who may do what over the control socket, and that stuck clients harm nobody.
. "$REPO/tests/lib/lib.sh"

getent group nogroup >/dev/null || skip "no group nogroup"
setup_one_box
sed -i 's/^\[mount\]/&\ncontrol_group = nogroup/' "$CONF"
start_guardfs
wait_healthy
socket=$RUN/control.sock
wait_until 5000 test -S "$socket"
assert_eq "$(stat -c '%a %U %G' "$socket")" '660 root nogroup' "socket"
chmod 0755 "$WORK"

# as GROUPS COMMAND...: as user 65533 with these supplementary groups.
as()
{
	local groups=$1

	shift
	setpriv --reuid 65533 --regid 65533 --groups "$groups" "$@"
}
nogroup=$(getent group nogroup | cut -d: -f3)
say "reading with the group, not without"
as "$nogroup" "$GUARDCTL" -c "$CONF" incidents
as "$nogroup" "$GUARDCTL" -c "$CONF" recover --dry-run >"$WORK/plan"
grep -q fence "$WORK/plan"
assert_exit 1 'control_group' as 65532 "$GUARDCTL" -c "$CONF" incidents
say "acting is root's"
assert_exit 1 'root' as "$nogroup" "$GUARDCTL" -c "$CONF" hold box --for 1m --reason x
backend_is box healthy probation || fail "held by anybody"

say "thirty clients that say nothing, half a frame, or do not read: the next is served at once"
python3 - "$socket" "$WORK/enough" "$WORK/stuck" <<'END' &
import os, socket, struct, sys, time
clients = []
for i in range(30):
    c = socket.socket(socket.AF_UNIX)
    c.connect(sys.argv[1])
    if i % 3 == 1:
        c.send(struct.pack(">I", 64) + b'{"v"')
    elif i % 3 == 2:
        request = b'{"v": 1, "command": "incidents"}'
        c.send(struct.pack(">I", len(request)) + request)
    clients.append(c)
open(sys.argv[3], "w")
while not os.path.exists(sys.argv[2]):
    time.sleep(0.02)  # sleep-ok: polling
END
stuck=$!
wait_until 5000 test -e "$WORK/stuck"
start=$(now_ms)
wait_until 4000 ctl incidents
say "served after $(($(now_ms) - start)) ms"
assert_op OK 0 1000 stat "$COLD"
kill -9 "$(sshfs_pid)"
wait_down
wait_until 15000 backend_is box healthy
touch "$WORK/enough"
wait "$stuck"
