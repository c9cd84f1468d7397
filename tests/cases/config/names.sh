# Names as hostile as they come: 255 bytes, not UTF-8, newlines, control characters; they work, and the reports stay whole.
. "$REPO/tests/lib/lib.sh"

setup_one_box
start_guardfs
wait_healthy
long=$(printf 'n%.0s' {1..255})
for dir in "$MNT" "$COLD"; do
	for name in "$long" $'new\nline' $'\xff\xfe' $'tab\there' $'\x01\x02\x7f' ' ' '-rf' '"quoted"' "it's" '%s%n' 'ä' $'a\\b'; do
		mkdir "$dir/$name"
		echo "$name" >"$dir/$name/file"
		[[ $(cat "$dir/$name/file") == "$name" ]] || fail "content below $(printf %q "$name")"
		rm -r "$dir/$name"
	done
	assert_op ENAMETOOLONG 0 1000 mkdir "$dir/n$long"
	assert_op ENAMETOOLONG 0 1000 stat "$dir/n$long"
done

say "in a pattern's route, and so in the reports"
stop_guardfs
echo 'pattern = */job-* = box:jobs/' >>"$CONF"
start_guardfs
wait_healthy
mkdir "$MNT/x"
for name in $'job-new\nline' $'job-\xff\xfe' $'job-tab\t"quote\\'; do
	mkdir "$MNT/x/$name"
	touch "$MNT/x/$name/file"
	[[ -e $WORK/box/data/jobs/x/$name/file ]] || fail "not on the server: $(printf %q "$name")"
done
assert_eq "$(status '.routes | length')" 4 "routes"
assert_eq "$(wc -l <"$MNT/.guardfs/routes")" 4 "lines in routes"
cat "$MNT/.guardfs/routes"
stop_guardfs
start_guardfs
wait_healthy
for name in $'job-new\nline' $'job-\xff\xfe' $'job-tab\t"quote\\'; do
	[[ -e $MNT/x/$name/file ]] || fail "lost by a restart: $(printf %q "$name")"
done

say "a mountpoint whose name the mount table has to escape"
stop_guardfs
mkdir "$WORK/a mount\\ point"
sed -i "s|^mountpoint = .*|mountpoint = $WORK/a mount\\\\ point|" "$CONF"
grep '^mountpoint' "$CONF"
"$GUARDFS" -f -c "$CONF" 2>"$WORK/guardfs2.log" &
GUARDIAN=$!
wait_until 10000 test -e "$WORK/a mount\\ point/.guardfs/health"
echo hello >"$WORK/a mount\\ point/file"
assert_eq "$(cat /sys/class/bdi/0:"$(stat -c %Ld "$WORK/a mount\\ point")"/read_ahead_kb)" 1024 "read-ahead"
assert_exit 1 'already' "$GUARDFS" -f -c "$CONF"
