# Who is killed, or loses power, in the middle of replacing a file leaves a temporary one: the next start removes it, and nothing else.
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

setup_one_box
mkdir "$WORK/textfile"
conf metrics "textfile = $WORK/textfile/guardfs.prom"
mkdir -p "$STATE" "$RUN"
left=("$STATE/routes.tmp.1" "$STATE/box.marker.tmp.4711" "$RUN/status.json.tmp.12" "$WORK/textfile/guardfs.prom.tmp.99")
others=("$STATE/routes.tmp.old" "$STATE/history.tmp" "$WORK/textfile/other.prom.tmp.99" "$WORK/textfile/guardfs.prom.99")
touch "${left[@]}" "${others[@]}"
start_guardfs
wait_healthy
wait_until 5000 test -s "$WORK/textfile/guardfs.prom"
for file in "${left[@]}"; do
	assert_missing "$file"
done
for file in "${others[@]}"; do
	[[ -e $file ]] || fail "$file was removed"
done

say "a keeper that is killed again and again: the next one clears up"
for ((i = 0; i < 5; i++)); do
	old=$(process_pid keeper)
	touch "$RUN/health.tmp.$old"
	kill -9 "$old"
	wait_value 5000 process_pid keeper != "$old"
	wait_until 5000 test ! -e "$RUN/health.tmp.$old"
done

say "an edit of the manifest that was cut off"
mkdir -p "$WORK/box/data/jobs/more"
touch "$WORK/manifest.tmp.4194304" "$WORK/manifest.tmp.1"
ctl tier add "$WORK/cold/box/jobs/more" "$MNT/more"
assert_missing "$WORK/manifest.tmp.4194304"
[[ -e $WORK/manifest.tmp.1 ]] || fail "what a process that exists may be writing was removed"
