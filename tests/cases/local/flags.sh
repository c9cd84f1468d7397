# nosuid and nodev by default: set-user-ID bits and device files of the tier have no effect unless configured.
. "$REPO/tests/lib/lib.sh"

setup_local
start_guardfs
mknod "$MNT/null" c 1 3
cp /usr/bin/id "$MNT/id"
chown 61001 "$MNT/id"
chmod 4755 "$MNT/id"
assert_fails cat "$MNT/null"
assert_eq "$("$MNT/id" -u)" 0 "a set-user-ID program"
stop_guardfs
sed -i 's/^\[mount\]$/[mount]\nsuid = yes\ndev = yes/' "$CONF"
start_guardfs
cat "$MNT/null"
assert_eq "$("$MNT/id" -u)" 61001 "a set-user-ID program where they are allowed"
