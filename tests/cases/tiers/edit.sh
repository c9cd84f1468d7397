# guardctl tier add and remove: one line changes, all else stays; what guardfs would refuse is never written; it waits until
# the change is active.
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$WORK/box/data/jobs/more" "$LOCAL/full"
echo data >"$LOCAL/full/file"
sed -i 's/^manifest.*/&\npattern = hc\/*-0101 = box:jobs\//' "$CONF"
M=$WORK/manifest BOX=$WORK/cold/box/jobs
printf '# a comment, kept\r\n\r\n  %s\t%s further fields # kept\r\n' "$BOX/cold" "$MNT/cold" >"$M"
chown 12:34 "$M"
chmod 0640 "$M"
cp "$M" "$WORK/first"
start_guardfs
wait_healthy
mkdir -p "$MNT/hc/x-0101"
pattern_made_its_route()
{
	[[ $(status '.routes[].path') == *hc/x-0101* ]]
}
wait_until 10000 pattern_made_its_route

unchanged()
{
	cmp "$M" "$WORK/first" || fail "the manifest was changed: $*"
}

# refused STATUS PATTERN ARGUMENT...
refused()
{
	assert_exit "$1" "$2" ctl tier "${@:3}"
	unchanged "$@"
}

say "refused, with line numbers, and nothing is written"
refused 1 'manifest:4: .*already, on line 3' add "$BOX/other" "$MNT/cold"
refused 1 'manifest:4: .*inside one another' add "$BOX/other" "$MNT/cold/inside"
refused 1 'manifest:4: .*alias' add /nowhere/x "$MNT/x"
refused 1 'manifest:4: .*guardfs' add "$BOX/x" "$MNT/.guardfs/x"
refused 100 'does not lie below' add "$BOX/x" /elsewhere
refused 100 'no quoting' add "$BOX/a b" "$MNT/x"
refused 100 'not absolute' add "$BOX/x" x
refused 1 'holds something on the local tier' add "$BOX/more" "$MNT/full"
refused 1 'a pattern made' add "$BOX/more" "$MNT/hc/x-0101"
refused 1 'a pattern made' add "$BOX/more" "$MNT/hc"
refused 1 'no line for' remove "$MNT/more"
refused 100 'usage' remove
refused 100 'usage' add "$BOX/more"

say "a dry run prints a diff that patch takes"
ctl tier add "$BOX/more" "$MNT/more" --dry-run >"$WORK/diff"
unchanged
cp "$M" "$WORK/patched"
patch -s --binary "$WORK/patched" "$WORK/diff"

say "added: active when it returns, in the file's own line ends"
assert_exit 0 "active: $MNT/more leads to box:jobs/more" ctl tier add "$BOX/more" "$MNT//more/"
echo hello >"$MNT/more/file"
assert_content "$WORK/box/data/jobs/more/file" hello
cmp "$M" "$WORK/patched"
assert_eq "$(head -c "$(stat -c %s "$WORK/first")" "$M" | sha256sum)" "$(sha256sum <"$WORK/first")" "what was there before"
assert_eq "$(tail -n 1 "$M")" "$BOX/more $MNT/more"$'\r' "the new line"
assert_eq "$(stat -c '%u:%g %a' "$M")" '12:34 640' "owner and mode"
assert_eq "$(find "$WORK" -maxdepth 1 -name 'manifest.*')" '' "left behind"

say "removed: the file is as it was"
assert_exit 0 "active: $MNT/more is the local tier's" ctl tier remove "$MNT/more"
unchanged removal
assert_missing "$MNT/more/file"
ctl tier remove "$MNT/cold" --dry-run >"$WORK/diff"
cp "$M" "$WORK/patched"
patch -s --binary "$WORK/patched" "$WORK/diff"
assert_exit 0 "removed" ctl tier remove "$MNT/cold"
cmp "$M" "$WORK/patched"
assert_eq "$(cat "$M")" $'# a comment, kept\r\n\r' "the rest"

say "a last line without an end gets one; a symbolic link stays one"
printf '%s %s' "$BOX/cold" "$MNT/cold" >"$M"
mv "$M" "$WORK/elsewhere"
ln -s elsewhere "$M"
ctl tier add "$BOX/more" "$MNT/more" --dry-run >"$WORK/diff"
cp "$WORK/elsewhere" "$WORK/patched"
patch -s "$WORK/patched" "$WORK/diff"
assert_exit 0 active ctl tier add "$BOX/more" "$MNT/more"
cmp "$WORK/elsewhere" "$WORK/patched"
[[ -L $M ]] || fail "the symbolic link is gone"
assert_eq "$(cat "$M")" "$BOX/cold $MNT/cold"$'\n'"$BOX/more $MNT/more"

say "a bad manifest is mended by removing the bad line, and not added to"
echo "$BOX/x $MNT/cold/inside" >>"$M"
assert_exit 1 'inside one another' ctl tier add "$BOX/y" "$MNT/y"
assert_exit 0 removed ctl tier remove "$MNT/cold/inside"

say "two at once: none is lost"
adders=()
for i in 1 2 3 4 5 6; do
	ctl tier add "$BOX/n$i" "$MNT/n$i" >/dev/null &
	adders+=($!)
done
wait "${adders[@]}"
assert_eq "$(grep -c "$MNT/n" "$M")" 6 "lines"

say "guardfs does not run"
stop_guardfs
assert_exit 0 'does not run' ctl tier remove "$MNT/n1"
assert_eq "$(grep -c "$MNT/n" "$M")" 5 "lines"
