# File handles (name_to_handle_at, open_by_handle_at, hence NFS) on the mount: they lead to the same file or directory as long as guardfs has its
# node, whatever it is called by now, also after the worker was killed; after that, and once it is removed, they are ESTALE, on every tier.
# What the kernel remembers is the whole machine's: others make it forget, as this case does. Here it remembers what is held open.
# alone
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir -p "$WORK/store/dir"
conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store"
echo "$WORK/cold/store/dir $MNT/dir" >>"$WORK/manifest"
start_guardfs
wait_healthy
wait_healthy store
mkdir "$MNT/local"

handles()
{
	python3 "$REPO/tests/cases/local/file-handles.py" "$@"
}

for side in local dir cold; do
	top=$MNT/$side
	say "$side: while the kernel knows them"
	mkdir -p "$top/a/b"
	echo one >"$top/a/file"
	echo two >"$top/a/b/second"
	exec 3<"$top/a/file" 4<"$top/a/b/second" 5<"$top/a" 6<"$top/a/b" 7<"$top"
	handles encode "$WORK/handles" "$top/a/file" "$top/a/b/second" "$top/a" "$top/a/b" "$top"
	wanted="/$side/a/file: one
/$side/a/b/second: two
/$side/a: b file in /$side/a
/$side/a/b: second in /$side/a/b
/$side: a in /$side"
	assert_eq "$(handles open "$WORK/handles" "$MNT")" "$wanted" "by their handles"
	say "$side: renamed, and after the worker's death"
	hold file read "$top/a/file"
	mv "$top/a/file" "$top/a/renamed"
	mv "$top/a" "$top/c"
	assert_eq "$(handles open "$WORK/handles" "$MNT")" "/$side/a/file: one
/$side/a/b/second: two
/$side/a: b renamed in /$side/c
/$side/a/b: second in /$side/c/b
/$side: c in /$side" "by their handles"
	worker=$(process_pid worker)
	kill -9 "$worker"
	assert_eq "$(handles open "$WORK/handles" "$MNT" | sed -n 1,2p)" "/$side/a/file: one
/$side/a/b/second: two" "by their handles, after the worker's death"
	let_go file

	say "$side: removed"
	exec 3<&-
	rm "$top/c/renamed"
	assert_eq "$(handles open "$WORK/handles" "$MNT" | sed -n 1,2p)" "/$side/a/file: ESTALE
/$side/a/b/second: two" "by their handles, one removed"
	exec 4<&- 5<&- 6<&-
	rm -r "$top/c"
	assert_eq "$(handles open "$WORK/handles" "$MNT" | sed -n 1,4p | sed 's/.*: //' | sort -u)" ESTALE "by their handles, all removed"
	handles encode "$WORK/handles" "$top"
	assert_match "$(handles open "$WORK/handles" "$MNT")" ": +in /$side"
	exec 7<&-
done

# forget: what nobody has open the kernel forgets, and tells guardfs.
forget()
{
	for _ in 1 2 3; do
		echo 2 >/proc/sys/vm/drop_caches
	done
	wait_value 5000 arena ".nodes.local + .nodes.guarded" -lt 20
}

say "once the kernel has forgotten them: the local tier's are found again, also after the worker's death; of the others' those with several names"
for side in local dir cold; do
	mkdir -p "$MNT/$side/deep/er"
	echo text >"$MNT/$side/deep/er/file"
	echo text >"$MNT/$side/deep/er/gone"
	ln "$MNT/$side/deep/er/file" "$MNT/$side/deep/linked"
	handles encode "$WORK/handles.$side" "$MNT/$side/deep/er/file" "$MNT/$side/deep/linked" "$MNT/$side/deep/er" "$MNT/$side/deep/er/gone"
	handles encode "$WORK/directory.$side" "$MNT/$side/deep/er"
done
forget
for round in asked asked-again killed; do
	assert_eq "$(handles open "$WORK/directory.local" "$MNT")" "/local/deep/er: file gone in /local/deep/er" "a directory, $round"
	forget
	assert_eq "$(handles open "$WORK/handles.local" "$MNT")" "/local/deep/er/file: text
/local/deep/linked: text
/local/deep/er: file gone in /local/deep/er
/local/deep/er/gone: text" "the local tier, $round"
	forget
	[[ $round != asked-again ]] || kill -9 "$(process_pid worker)"
done
rm "$LOCAL/local/deep/er/gone"
assert_eq "$(handles open "$WORK/handles.local" "$MNT" | tail -n 1)" "/local/deep/er/gone: ESTALE" "removed beneath"
for side in dir cold; do
	assert_eq "$(handles open "$WORK/handles.$side" "$MNT")" "/$side/deep/er/file: text
/$side/deep/linked: text
/$side/deep/er: ESTALE
/$side/deep/er/gone: ESTALE" "forgotten on $side"
done
for side in local dir cold; do
	# The tree is as it was: nothing was moved by looking it up.
	assert_match "$(find "$MNT/$side/deep" -printf '%P\n' | sort | xargs)" '^er er/file (er/gone )?linked$'
done

say "a file that is removed while the kernel has forgotten it gives its space back"
head -c 10000000 /dev/zero >"$MNT/local/big"
handles encode "$WORK/handles" "$MNT/local/big"
forget
rm "$MNT/local/big"
assert_eq "$(handles open "$WORK/handles" "$MNT")" "/local/big: ESTALE" "its handle"
! grep -q 'local/big' <<<"$(ls -l "/proc/$(process_pid worker)/fd")" || fail "it is still open"

say "the virtual tree"
exec 3<"$MNT/.guardfs/backends/box/jobs"
handles encode "$WORK/handles" "$MNT/.guardfs/backends/box/jobs" "$MNT/.guardfs/backends" "$MNT/.guardfs" "$MNT"
assert_match "$(handles open "$WORK/handles" "$MNT")" 'jobs: cold in /.guardfs/backends/box/jobs
/.guardfs/backends: box store in /.guardfs/backends'
wait_healthy
assert_eq "$(backend_field box counters.errors)" 0 "errors counted"
