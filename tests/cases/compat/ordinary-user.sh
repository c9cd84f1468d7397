# One command of an ordinary user's, as sshfs's: the mount serves, outlives the death of each of its processes and a server that is
# silent, and ends with fusermount3 -u.
# limit: 120
# long: deaths of each process, and a server that is silent until a deadline
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/user.sh"

# another_is PROCESS PID: than that one.
another_is()
{
	[[ $(process_pid "$1") != "$2" ]]
}

user_begin
seq 1 100000 >"$SERVER/numbers"
echo hello >"$SERVER/file"
mkdir -p "$SERVER/dir/deep"

say "one command"
sshfs_guard server: "$MNT" -o "reconnect,$GUARD_OPTIONS"
ann_mounted || fail "not mounted"
assert_eq "$(findmnt -n -o FSTYPE,SOURCE "$MNT" | xargs)" "fuse.sshfs server:"
wait_healthy server
for pid in $(ann_processes); do
	[[ $(cat "/proc/$pid/comm" 2>/dev/null) != ssh ]] || clients=${clients:-}$pid,
done
[[ -n ${clients:-} ]] || fail "no ssh of hers"

say "names, data, attributes, at the mount's own root"
assert_eq "$(ann cat "$MNT/file")" hello
assert_eq "$(ann ls "$MNT" | xargs)" "dir file numbers"
ann sh -c "cd '$MNT' && mkdir new && echo x >new/a && mv new/a dir/deep/b && ln -s file link && chmod 0600 file && rm -r new"
assert_content "$SERVER/dir/deep/b" x
assert_eq "$(readlink "$SERVER/link")" file
assert_eq "$(stat -c %a "$SERVER/file")" 600
assert_missing "$SERVER/new"
ann cmp "$MNT/numbers" "$SERVER/numbers"
assert_fails ann mkdir "$MNT/.guardfs"
assert_eq "$(ann ls "$MNT/.guardfs/backends/server" | xargs)" "dir file link numbers"

say "others stay outside, root too"
assert_fails ls "$MNT"

say "guardctl finds it by its mountpoint, and by its user"
assert_match "$(ann "$GUARDCTL" -m "$MNT" status)" "guardfs server-[0-9a-f]+ on $MNT.*the whole mount is server"
assert_match "$(ann "$GUARDCTL" health)" '^(ok|degraded) '
assert_eq "$(ann "$GUARDCTL" -m "$MNT" incidents --json | jq '.incidents | length')" 0

say "worker, keeper, guardian and the transport die: nobody notices"
hold reader read "$MNT/numbers"
hold log append "$MNT/log"
assert_held OK 0 8000 log append one,
for which in worker keeper guardian; do
	before=$(process_pid "$which")
	kill -9 "$before"
	assert_held OK 0 8000 log append "$which,"
	wait_until 20000 another_is "$which" "$before"
	wait_healthy server
	assert_held OK 0 8000 reader read 1000
done
epoch=$(backend_field server epoch)
kill -9 "$(sshfs_pid server)"
assert_held OK 0 8000 log append transport,
wait_value 15000 backend_field server epoch -gt "$epoch"
wait_healthy server
assert_held OK 0 8000 reader read 1000

say "the server is silent: answers by the deadlines, and the status can be read"
box_freeze
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$MNT/another"
wait_down server
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$MNT/another"
assert_match "$(ann cat "$MNT/.guardfs/health")" '^down '
assert_match "$(ann "$GUARDCTL" -m "$MNT" health || true)" '^down '
box_thaw
wait_healthy server 30000
assert_held OK 0 8000 log append thawed
assert_held OK 0 8000 reader read 1000
let_go reader
let_go log
wait_value 10000 cat "$SERVER/log" == one,worker,keeper,guardian,transport,thawed

say "unmounted: nothing is left"
unmount_as_ann
assert_eq "$(find "$ANN_HOME/run" ! -type d ! -name log)" '' "left in the runtime directory"

say "and mounted once more, in the same place"
sshfs_guard -o "$GUARD_OPTIONS" server:dir "$MNT"
assert_eq "$(ann ls "$MNT")" deep
unmount_as_ann
