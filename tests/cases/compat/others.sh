# Options of sshfs that take another server, or show other owners, links and users: followed links, SFTP without ssh, maps of ids, root alone.
# limit: 150
# long: a mount for each of them
TYPE=sftp STREAM=openssh
. "$REPO/tests/lib/lib.sh"
. "$REPO/tests/lib/user.sh"

user_begin
echo hello >"$SERVER/file"
mkdir "$SERVER/dir"
echo deep >"$SERVER/dir/deep"
ln -s ../file "$SERVER/dir/link"

say "follow_symlinks: what a link leads to"
sshfs_guard server:dir "$MNT" -o "follow_symlinks,$GUARD_OPTIONS"
assert_eq "$(ann stat -c %F "$MNT/link")" 'regular file'
assert_eq "$(ann cat "$MNT/link")" hello
assert_match "$(ann ls -l "$MNT")" '-rw[^ ]* .* link'
ann rm "$MNT/link"
assert_missing "$SERVER/dir/link"
assert_content "$SERVER/file" hello
unmount_as_ann

say "directport: SFTP without ssh"
python3 "$REPO/tests/lib/direct-server.py" 2300 "$SERVER" </dev/null >"$WORK/direct.log" 2>&1 &
echo $! >"$WORK/direct.pid"
wait_until 5000 grep -q ready "$WORK/direct.log"
sshfs_guard 127.0.0.1:"$SERVER" "$MNT" -o "directport=2300,$GUARD_OPTIONS"
wait_healthy server
assert_eq "$(ann cat "$MNT/file")" hello
unmount_as_ann
assert_exit 1 'there is no SSH service at that host and port' sshfs_guard 127.0.0.1: "$MNT" -o directport=2301

say "idmap=file"
chown 501:502 "$SERVER/file"
echo ann:501 >"$ANN_HOME/uids"
echo nosuchgroup:7 >"$ANN_HOME/gids"
chown "$ANN:$ANN" "$ANN_HOME/uids" "$ANN_HOME/gids"
sshfs_guard server: "$MNT" -o "idmap=file,uidfile=$ANN_HOME/uids,gidfile=$ANN_HOME/gids,nomap=ignore,$GUARD_OPTIONS" 2>"$WORK/said"
grep -q 'there is no nosuchgroup here' "$WORK/said" || fail "not said: $(cat "$WORK/said")"
assert_eq "$(ann stat -c '%u %g' "$MNT/file")" "$ANN 502"
assert_eq "$(ann stat -c '%u' "$MNT/dir")" 0
ann chown "$ANN" "$MNT/dir/deep"
assert_eq "$(stat -c %u "$SERVER/dir/deep")" 501
unmount_as_ann
printf '%s\n' ann:501 root:0 >"$ANN_HOME/uids"
sshfs_guard server: "$MNT" -o "idmap=file,uidfile=$ANN_HOME/uids,nomap=error,$GUARD_OPTIONS"
assert_eq "$(ann stat -c '%u' "$MNT/file")" "$ANN"
chown 777 "$SERVER/dir/deep"
assert_op EPERM 0 2000 stat "$MNT/dir/deep"
unmount_as_ann

say "allow_root: root, and nobody else"
echo user_allow_other >"$WORK/fuse.conf"
mount --bind "$WORK/fuse.conf" /etc/fuse.conf
sshfs_guard server: "$MNT" -o "allow_root,$GUARD_OPTIONS"
assert_content "$MNT/file" hello
assert_eq "$(ann cat "$MNT/file")" hello
chmod 0711 "$ANN_HOME"
text=$(setpriv --reuid 12345 --regid 12345 --clear-groups cat "$MNT/file" 2>&1 || true)
assert_match "$text" 'Permission denied'
unmount_as_ann
umount /etc/fuse.conf
