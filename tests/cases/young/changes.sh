# A change that was under way when its connection broke is made, once, whether its first run had been carried out or not, and
# its caller sees no error. What somebody else has put under the name meanwhile is not taken for it.
# limit: 120
# long: each kind of change under two kinds of trouble, each with an outage
. "$REPO/tests/lib/lib.sh"

PATIENCE=30000 DEADLINE_METADATA=25000 DEADLINE_READ=25000 BACKOFF_MIN=20 BACKOFF_MAX=100
setup_dir 'filter = fault' "fault_control = $WORK/fault"
sed -i '/^\[recovery\]/a recoveries_per_hour = 0\nrecoveries_per_day = 0\nflap_count = 0' "$CONF"
start_guardfs
wait_healthy store

# What changes.py does, and the operation of the backend of which each is to meet the trouble, once.
changes='mkdir:mkdir create_exclusively:create create:create truncate_by_open:open mknod:mknod symlink:symlink link:link
	unlink:unlink rmdir:rmdir rename:rename replace:rename chmod:setattr truncate:setattr stat:getattr read:read
	readlink:readlink list:readdir copy:copy_range'

for trouble in 'error ENOTCONN' 'lostack ENOTCONN' 'lostack EIO'; do
	say "$trouble"
	rules=() names=()
	for change in $changes; do
		names+=("${change%:*}")
		rules+=("${change#*:} $trouble count=1 path=${change%:*}-*")
	done
	fault "${rules[@]}"
	python3 "$REPO/tests/cases/young/changes.py" "$COLD" "$SERVER" "${names[@]}" || fail "$trouble"
	fault ''
	wait_healthy store
done
# Callers that wait for one connection share it.
assert_ge "$(backend_field store epoch)" 30 "connections that were lost"
assert_eq "$(backend_field store counters.errors)" 0 "errors that callers were given"
assert_eq "$(backend_field store counters.fast_fails)" 0 "fast failures"

say "somebody else's"
sed -i '/^\[recovery\]/a confirm = 1s' "$CONF"
stop_guardfs
start_guardfs
wait_healthy store
# While the caller waits for the next connection, another client makes it: not what he was to make.
for op in mkdir create symlink; do
	# Settled: else it would be the same outage, whose time to confirm it is over.
	wait_until 10000 backend_is store healthy
	fault "$op error ENOTCONN count=1"
	python3 "$REPO/tests/cases/young/changes.py" "$COLD" "$SERVER" "foreign_$op" || fail "a foreign name: $op"
done
fault ''
wait_healthy store

say "storage that is broken, not lost, is an error after one verdict"
fault 'read error EIO path=file'
echo content >"$SERVER/file"
assert_op EIO 0 2000 read "$COLD/file"
