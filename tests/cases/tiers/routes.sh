# The manifest routes paths to backends and targets; what no line names is local; links and renames across are EXDEV.
. "$REPO/tests/lib/lib.sh"

box_start box
mkdir -p "$WORK/box/data/jobs/one" "$WORK/box/data/jobs/two" "$WORK/store/x"
conf_begin
conf_box box
conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store"
cat >"$WORK/manifest" <<-END
	# a comment, a blank line, CRLF, extra fields, spaces at both ends

	$WORK/cold/box/jobs/one $MNT/hc/one
	  $WORK/cold/box/jobs/two/   $MNT/hc/two   and more fields
	   # another comment
END
printf '%s %s\r\n' "$WORK/cold/store/x" "$MNT/phac/deep/er/x" >>"$WORK/manifest"
printf '%s %s' "$WORK/cold/store" "$MNT/all" >>"$WORK/manifest"
conf tier "manifest = $WORK/manifest"
start_guardfs
wait_healthy box
wait_healthy store

echo 1 >"$MNT/hc/one/file"
echo 2 >"$MNT/hc/two/file"
echo 3 >"$MNT/phac/deep/er/x/file"
echo 4 >"$MNT/hc/file"
assert_content "$WORK/box/data/jobs/one/file" 1
assert_content "$WORK/box/data/jobs/two/file" 2
assert_content "$WORK/store/x/file" 3
assert_content "$LOCAL/hc/file" 4
assert_content "$MNT/all/x/file" 3
assert_no_trace "$LOCAL/hc" one
assert_eq "$(ls "$MNT")" $'all\nhc\nphac' "the root"
assert_eq "$(ls "$MNT/hc")" $'file\none\ntwo' "a directory with routes"
assert_eq "$(ls "$MNT/phac/deep")" er "a directory that is there for a route only"
for path in hc/one hc/two phac/deep/er/x all; do
	[[ -d $MNT/$path && ! -L $MNT/$path ]] || fail "$path is not a real directory"
done

say "across tiers"
assert_op EXDEV 0 1000 rename "$MNT/hc/file" "$MNT/hc/one/moved"
assert_op EXDEV 0 1000 rename "$MNT/hc/one/file" "$MNT/hc/moved"
assert_op EXDEV 0 1000 rename "$MNT/hc/one/file" "$MNT/phac/deep/er/x/moved"
assert_op EXDEV 0 1000 link "$MNT/hc/file" "$MNT/hc/one/linked"
mv "$MNT/hc/file" "$MNT/hc/one/moved"
assert_content "$WORK/box/data/jobs/one/moved" 4
assert_op OK 0 1000 rename "$MNT/hc/one/moved" "$MNT/hc/one/again"

say "a route's root cannot be removed, renamed or replaced"
for op in "rmdir $MNT/hc/one" "rename $MNT/hc/one $MNT/hc/three" "rename $MNT/hc/two $MNT/hc/one/two" "mkdir $MNT/hc/one"; do
	read -r result us _ < <("$TOOLS/timed" $op)
	echo "$op: $result"
	[[ $result != OK ]] || fail "$op succeeded"
done
assert_content "$MNT/hc/one/file" 1
assert_eq "$(stat -c %i "$MNT"/hc/one "$MNT"/hc/two "$MNT"/all "$MNT"/phac | sort -u | wc -l)" 4 "different inodes"
sort <"$MNT/.guardfs/routes"
