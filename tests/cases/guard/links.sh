# Symbolic links that are absolute or go up: what is made can be read, so that trees with such links go to the backend and come back.
# With contain_links they are neither made nor shown.
. "$REPO/tests/lib/lib.sh"

setup_one_box
box_start shut 2223
mkdir -p "$WORK/shut/data/cold"
conf_box shut 'contain_links = yes'
echo "$WORK/cold/shut/cold $MNT/shut" >>"$WORK/manifest"
start_guardfs
wait_healthy
wait_healthy shut
raw_begin

source=$WORK/source
mkdir -p "$source/dir"
echo text >"$source/file"
ln -s ../file "$source/dir/up"
ln -s /etc/hostname "$source/absolute"
ln -s dir/../file "$source/around"
ln -s ../../../../../../../../../../outside "$source/far"
ln -s dir/up "$source/inside"
names=(dir/up absolute around far inside)

# targets DIRECTORY: where its links lead, or what is said instead.
targets()
{
	(cd "$1" && for name in "${names[@]}"; do readlink -v "$name" 2>&1 | sed 's/.*: //'; done)
}
wanted=$(targets "$source")

say "sshfs alone, as Debian has it: it makes them, and does not show them"
cp -rd "$source" "$RAW/jobs/cold/raw"
assert_match "$(targets "$RAW/jobs/cold/raw")" 'Operation not permitted'
assert_eq "$(targets "$SERVER/raw")" "$wanted" "on the server"

say "cp -a, rsync -a and tar, there and back"
cp -a "$source" "$COLD/cp"
rsync -a "$source/" "$COLD/rsync/"
mkdir "$COLD/tar" "$WORK/back"
tar -C "$source" -cf - . | tar -C "$COLD/tar" -xf -
for how in cp rsync tar; do
	assert_eq "$(targets "$COLD/$how")" "$wanted" "$how, through the mount"
	assert_eq "$(targets "$SERVER/$how")" "$wanted" "$how, on the server"
	cp -a "$COLD/$how" "$WORK/back/cp"
	rsync -a "$COLD/$how/" "$WORK/back/rsync/"
	mkdir "$WORK/back/tar"
	tar -C "$COLD/$how" -cf - . | tar -C "$WORK/back/tar" -xf -
	for back in cp rsync tar; do
		diff -r --no-dereference "$source" "$WORK/back/$back" || fail "$how, and back by $back"
	done
	rm -r "$WORK/back/"*
	assert_eq "$(rsync -ai "$source/" "$COLD/$how/" | grep -v '^\.')" '' "what another rsync does"
done
assert_content "$COLD/cp/inside" text
ls -lR "$COLD" >/dev/null

say "contain_links: none is made, none is shown, the rest is as ever; sshfs alone would have made them"
for target in ../file /etc/hostname dir/../file ..; do
	assert_exit 1 'Operation not permitted' ln -s "$target" "$MNT/shut/link"
	assert_missing "$WORK/shut/data/cold/link"
done
ln -s dir/file "$MNT/shut/within"
assert_eq "$(readlink "$MNT/shut/within")" dir/file "a link that stays inside"
cp -a "$source/." "$WORK/shut/data/cold/"
assert_eq "$(targets "$MNT/shut" | sort | uniq -c | sed 's/^ *//')" "4 Operation not permitted
1 dir/up" "what of the links is shown"
assert_op EPERM 0 1000 stat "$MNT/shut/absolute"
backend_is shut healthy probation || fail "state: $(backend_field shut state)"
raw_end
