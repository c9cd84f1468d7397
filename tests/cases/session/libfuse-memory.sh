# libfuse has no memory while guardfs starts: guardfs ends and says so, or serves. libfuse's own error is not told to the kernel in the place of what
# it would agree upon: that would leave a dead mount that nobody ends.
# limit: 60
. "$REPO/tests/lib/lib.sh"

setup_local
ended=0
for n in {1..6}; do
	say "its allocation $n fails"
	echo "$n" >"$WORK/number"
	: >"$WORK/guardfs.log"
	LIBFUSE_MEMORY=$WORK/number LD_PRELOAD=$BUILD/tests/preload/libfuse-memory.so "$GUARDFS" -f -c "$CONF" </dev/null >>"$WORK/guardfs.log" 2>&1 &
	GUARDIAN=$!
	wait_until 10000 guardfs_up_or_dead
	if mounted; then
		assert_op OK 0 5000 create "$MNT/file-$n"
		stop_guardfs
	else
		grep -q 'cannot serve: Cannot allocate memory' "$WORK/guardfs.log" || fail "it does not say why: $(cat "$WORK/guardfs.log")"
		ended=$((ended + 1))
	fi
	[[ ! -e $WORK/number ]] || break
done
assert_le 2 "$ended" "starts without memory"
