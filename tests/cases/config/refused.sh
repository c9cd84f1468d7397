# Configurations that are wrong: a message with file and line that says what to do, a status other than 0, nothing left.
. "$REPO/tests/lib/lib.sh"

good()
{
	conf_begin
	conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store"
}

# nothing_left: no process, no mount, no file but those that were there.
nothing_left()
{
	! mounted || fail "left mounted"
	[[ -z $(descendants_of $$ | xargs -r ps -o comm= -p | grep guardfs) ]] || fail "a process was left behind"
	[[ ! -e $RUN || -z $(ls -A "$RUN") ]] || fail "left in the run directory: $(ls -A "$RUN")"
}

# refuse PATTERN [SED]: the good configuration, changed by a sed script, is refused by --check-config and by the mount.
refuse()
{
	local pattern=$1 out rc=0

	good
	[[ -z ${2:-} ]] || sed -i "$2" "$CONF"
	out=$("$GUARDFS" --check-config "$CONF" 2>&1) || rc=$?
	echo "$rc: $out"
	assert_ne "$rc" 0 "exit status of --check-config"
	assert_match "$out" "$pattern" "message"
	rc=0
	out=$(timeout 10 "$GUARDFS" -c "$CONF" 2>&1) || rc=$?
	assert_ne "$rc" 0 "exit status of the mount"
	assert_ne "$rc" 124 "exit status of the mount (timeout)"
	assert_match "$out" "$pattern" "message of the mount"
	nothing_left
}

say "the good one"
good
"$GUARDFS" --check-config "$CONF" >"$WORK/printed"
"$GUARDFS" --check-config "$WORK/printed" >"$WORK/again"
diff "$WORK/printed" "$WORK/again"

refuse 'guardfs.conf:2:.*unknown|guardfs.conf:2:.*nonsense' '2s/.*/nonsense = 1/'
refuse 'guardfs.conf:1:' '1s/.*/[mount/'
refuse 'guardfs.conf:1:.*section' '1s/.*/[nonsense]/'
refuse 'mountpoint' '/^mountpoint/d'
refuse 'local' '/^local/d'
refuse 'guardfs.conf:3:.*mountpoint' '3s/.*/mountpoint = relative/'
refuse 'guardfs.conf:[0-9]+:.*metadata' 's/^metadata = .*/metadata = soon/'
refuse 'guardfs.conf:[0-9]+:.*metadata' 's/^metadata = .*/metadata = -1s/'
refuse 'guardfs.conf:[0-9]+:.*metadata' 's/^metadata = .*/metadata = 99999999999999999999s/'
refuse 'guardfs.conf:[0-9]+:.*type' 's/^type = .*/type = floppy/'
refuse 'type' '/^type = /d'
refuse 'guardfs.conf:[0-9]+:.*name' 's/^name = .*/name = a b/'
refuse 'guardfs.conf:[0-9]+:.*name' 's/^name = .*/name = ..\/x/'
refuse 'guardfs.conf:[0-9]+:.*set already|twice|already' '2s/.*/name = a\nname = b/'
refuse 'guardfs.conf:[0-9]+:.*backend' 's/^\[backend store\]/[backend]/'
refuse 'guardfs.conf:[0-9]+:.*control character|NUL' 's/^name = .*/name = a\x01b/'
refuse 'guardfs.conf:[0-9]+:' "\$a $(head -c 5000 /dev/zero | tr '\0' x)"
refuse 'inside' "s,^local = .*,local = $MNT/local,"

say "a configuration that others can write to"
good
chmod 0666 "$CONF"
out=$("$GUARDFS" -c "$CONF" 2>&1) && fail "it was accepted"
echo "$out"
assert_match "$out" 'guardfs.conf.*writ'
chmod 0644 "$CONF"
mkdir -m 0777 "$WORK/open"
chmod 0777 "$WORK/open"
cp "$CONF" "$WORK/open/"
out=$("$GUARDFS" -c "$WORK/open/guardfs.conf" 2>&1) && fail "in a directory for everybody it was accepted"
echo "$out"
assert_match "$out" 'writ'
chown 61001 "$CONF"
out=$("$GUARDFS" -c "$CONF" 2>&1) && fail "one of another user was accepted"
assert_match "$out" 'own|writ'
chown 0 "$CONF"

say "no file, a directory, an empty file, noise"
for file in "$WORK/none" "$WORK" /dev/null; do
	out=$("$GUARDFS" -c "$file" 2>&1) && fail "$file was accepted"
	echo "$out"
	[[ -n $out ]] || fail "no message for $file"
done
head -c 20000 /dev/urandom >"$WORK/noise"
assert_fails "$GUARDFS" -c "$WORK/noise"

say "the command line"
for arguments in '' '-c' '--nonsense' "-c $CONF extra arguments more" '-x'; do
	rc=0
	out=$("$GUARDFS" $arguments 2>&1) || rc=$?
	echo "guardfs $arguments: $rc: $(head -n 1 <<<"$out")"
	assert_eq "$rc" 100 "exit status of wrong usage"
	assert_match "$out" 'usage|Usage|help'
done
grep -q check-config <<<"$("$GUARDFS" --help)"
assert_match "$("$GUARDFS" --version)" '[0-9]+\.[0-9]+'
nothing_left
