# A hostile server's directory without an end: sshfs is ended when it has taken its share of memory, that outage passes as any other,
# and the same directory is then left alone: whoever lists it over and over again does not use up the backend. A transport of SFTP keeps
# nothing of a listing: there the caller is told that it is too long, and nobody else notices.
# limit: 120
# long: sshfs takes its share of memory, entry by entry, and is ended for it, then the recovery
. "$REPO/tests/lib/lib.sh"

setup_one_box 'max_memory = 256'
mkdir "$SERVER/endless" "$SERVER/another"
sed -i "s|^Subsystem sftp .*|Subsystem sftp /usr/bin/python3 -B $REPO/tests/lib/endless-server.py $WORK/box/data|" "$WORK/box/sshd_config"
box_kill
box_restart
start_guardfs
wait_healthy
echo hello >"$COLD/file"
epoch=$(backend_field box epoch)
largest=0

lost=1 error=EIO again_ms=200
[[ ${TYPE:-sshfs} != sftp ]] || lost=0 error=ENOMEM again_ms=90000

list_endless()
{
	assert_op "$error" 0 "$1" readdir "$COLD/endless"
}

list_endless 90000 &
listing=$!
while kill -0 $listing 2>/dev/null; do
	memory=$(ps -o rss= -p "$(sshfs_pid 2>/dev/null || echo $$)" || echo 0)
	((largest = memory > largest ? memory : largest))
	sleep 0.05 # sleep-ok: the rate of looking
done
wait $listing || fail "the listing"
say "its process had up to $((largest / 1024)) MiB"
assert_le $((largest / 1024)) 512 "MiB of the process"
wait_healthy
assert_eq "$(backend_field box epoch)" $((epoch + lost)) "epoch"
((lost == 0)) || grep -q 'lost over listing' "$WORK/guardfs.log" || fail "not said in the log"
for i in 1 2 3 4 5; do
	list_endless "$again_ms"
done
assert_content "$COLD/file" hello
ls "$COLD" "$COLD/another" >/dev/null
assert_eq "$(backend_field box epoch)" $((epoch + lost)) "epoch, after five more tries"
