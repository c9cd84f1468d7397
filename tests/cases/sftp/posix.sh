# What POSIX says of names, attributes and links, check by check: on the server's own file system, on raw sshfs, and here. Here fewer
# fail than on raw sshfs, none that does not fail there, and those that are left are the ones that docs/SFTP.md explains.
# limit: 120
# long: 120 checks, three times
TYPE=sftp
. "$REPO/tests/lib/lib.sh"

# Nothing here is about being late.
DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 DEADLINE_SYNC=60000 PROBE_TIMEOUT=20000

# checks NAME DIRECTORY: what failed, into WORK/NAME.
checks()
{
	mkdir -p "$2"
	timeout $((60 * SLOW)) python3 "$REPO/tests/lib/posix_checks.py" "$2" >"$WORK/$1" || fail "the checks did not end"
	assert_match "$(tail -n 1 "$WORK/$1")" '^checks 1[0-9][0-9]$'
	sed -i '$d' "$WORK/$1"
}

setup_one_box
# Who may do what is judged here, and set-id bits and devices may be seen.
sed -i '/^\[mount\]/a suid = yes\ndev = yes' "$CONF"
start_guardfs
wait_healthy
raw_begin box default_permissions,dev,suid
checks on-server "$SERVER/plain"
checks on-raw "$RAW/jobs/cold/raw"
checks here "$COLD/here"
raw_end
for name in on-server on-raw here; do
	say "$name: $(wc -l <"$WORK/$name")"
	cat "$WORK/$name"
done
assert_eq "$(cat "$WORK/on-server")" '' "failed on the server itself"
assert_le "$(wc -l <"$WORK/here")" $(($(wc -l <"$WORK/on-raw") - 5)) "failed here, against raw sshfs"
cut -f 1 "$WORK/here" | sort >"$WORK/names-here"
cut -f 1 "$WORK/on-raw" | sort >"$WORK/names-on-raw"
# (Whether one name of two knows of the other's change depends on how much time has passed, on either.)
assert_eq "$(comm -23 "$WORK/names-here" "$WORK/names-on-raw" | grep -v '^link ' || true)" '' "failed here and not on raw sshfs"

# What the protocol does not have (docs/SFTP.md, "What POSIX has and SFTP does not").
left='^(.*: (fifo|character device|block device|socket)|open a fifo .*|chmod the time of change .*|link one inode, .*|link attributes of one name .*'
left+='|link written through one name.*|make by another user, .*|rmdir a directory.s count .*|times nanoseconds|times before 1970|times after 2106)$'
assert_eq "$(grep -vE "$left" "$WORK/names-here" || true)" '' "failed here, and not explained"
assert_eq "$(grep -c 'Input/output error' "$WORK/here" || true)" 0 "errors that mean trouble"
assert_eq "$(status '.crashes | length')" 0 "processes that died"
