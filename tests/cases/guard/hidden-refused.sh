# sshfs has moved an open file out of the way, and the server refuses the second request, without a word why, over a connection that stays: the caller is told of an
# error, nothing has the name. It is given over the same connection, once a probe has found that sound and the kernel does not remember the name any more.
. "$REPO/tests/lib/lib.sh"

setup_one_box
sed -i "s|^\(\s*Subsystem sftp\) .*|\1 /usr/bin/python3 -B $REPO/tests/lib/lossy-server.py $WORK/box/data $WORK/rule|" "$WORK/box/sshd_config"
box_kill
box_restart
start_guardfs
wait_healthy

# refuse KIND: of `hold`.
refuse()
{
	say "the file that has the name is $1"
	echo old >"$SERVER/published"
	echo new >"$COLD/next"
	hold before "$1" "$COLD/published"
	cat "$COLD/published"
	echo 'rename refuse /next' >"$WORK/rule.new"
	mv "$WORK/rule.new" "$WORK/rule"
	assert_op EIO 0 5000 rename "$COLD/next" "$COLD/published"
	[[ -e $WORK/rule.done ]] || fail "nothing was refused"
	rm "$WORK/rule.done"
}

has_a_name()
{
	[[ -e $SERVER/published ]]
}

for kind in read append; do
	refuse "$kind"
	assert_missing "$SERVER/published"
	began=$(now_ms)
	wait_until 20000 has_a_name
	say "it had none for $(($(now_ms) - began)) ms"
	assert_content "$SERVER/published" new
	assert_content "$COLD/published" new
	assert_missing "$COLD/next"
	# What is open is another file.
	if [[ $kind == append ]]; then
		assert_held OK 0 5000 before append more
		assert_held OK 0 5000 before fsync
	fi
	assert_content "$SERVER/published" new
	let_go before
done
assert_eq "$(backend_field box epoch)" 1 "the epoch"
