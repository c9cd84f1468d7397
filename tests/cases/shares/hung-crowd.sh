# One user's 900 callers hang before a backend that is stopped, then wait for it with patience: root and another user go on on the local
# tier and on another backend, and have room to wait for the same one; health files and guardctl answer at once; when the backend is
# back it serves all of them. Nobody but the crowd gets an error that is not the backend's.
# limit: 150
# long: 900 callers until their deadline, three times
. "$REPO/tests/lib/lib.sh"

CROWD=61001 OTHER=61002
DEADLINE_METADATA=6000
# What is not the crowd's is answered within this, on a loaded machine too: far below a deadline.
AT_ONCE=4000

as()
{
	local uid=$1

	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}

# quick WHAT COMMAND...: succeeds, within AT_ONCE.
quick()
{
	local what=$1 from

	shift
	from=$(now_ms)
	"$@" >/dev/null || fail "$what: exit status $?"
	from=$(($(now_ms) - from))
	((from > slowest)) && slowest=$from slowest_what=$what
	assert_le "$from" $AT_ONCE "$what, ms"
}

# others_go_on: while the crowd is there, on everything but the backend.
others_go_on()
{
	local uid

	for uid in 0 $OTHER; do
		for where in "$MNT/public" "$MNT/other/public"; do
			quick "user $uid makes a file in $where" as $uid sh -c "echo new >$where/of-$uid && rm $where/of-$uid"
			quick "user $uid lists $where" as $uid ls "$where"
			quick "user $uid reads in $where" as $uid cat "$where/file"
		done
	done
	quick "health of the mount" cat "$MNT/.guardfs/health" "$MNT/.guardfs/status" "$MNT/.guardfs/metrics"
	quick "health outside" cat "$RUN/health" "$RUN/status.json"
	quick "guardctl status" ctl status
	quick "guardctl recover --dry-run" ctl recover --dry-run
}

start_crowd()
{
	as $CROWD "$TOOLS/callers" -t 900 "$@" -o missing "$COLD/public" >"$WORK/crowd" &
	crowd=$!
}

prepare()
{
	setup_one_box
	mkdir -p "$WORK/store/cold/public" "$LOCAL/public" "$SERVER/public"
	chmod 777 "$WORK/store/cold/public" "$LOCAL/public" "$SERVER/public"
	chmod o+x "$WORK"
	for dir in "$WORK/store/cold" "$LOCAL" "$SERVER"; do echo hello >"$dir/public/file"; done
	conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store"
	echo "$WORK/cold/store/cold $MNT/other" >>"$WORK/manifest"
	start_guardfs
	wait_healthy
	wait_healthy store
	ls "$COLD/public" "$MNT/other/public" >/dev/null
	slowest=0 slowest_what=''
}

# all_is_well UID...: for these users; the crowd's is not well while the crowd is there.
all_is_well()
{
	local uid

	wait_healthy
	for uid in "$@"; do
		quick "user $uid makes a file on the backend that is back" as $uid sh -c "echo new >$COLD/public/of-$uid && rm $COLD/public/of-$uid"
		quick "user $uid lists it" as $uid ls "$COLD/public"
	done
}

nothing_is_left()
{
	wait_value 10000 status "[.backends[] | .inflight + .parked] | add" == 0
}

say "sshfs is stopped: the crowd hangs until the deadline"
prepare
kill -STOP "$(sshfs_pid)"
start_crowd
wait_value 5000 backend_field box parked -ge 200
others_go_on
assert_op EIO 0 $((DEADLINE_METADATA + AT_ONCE)) stat "$COLD/new"
wait $crowd
say "crowd: $(cat "$WORK/crowd")"
say "slowest of the others: $slowest ms ($slowest_what)"
assert_eq "$(jq -c '.results | keys' "$WORK/crowd")" '["EIO"]' "what the crowd got"
within $(((DEADLINE_METADATA + AT_ONCE) * 1000)) max "$(cat "$WORK/crowd")"
all_is_well 0 $OTHER $CROWD
nothing_is_left

say "the server is stopped, again and again under the same crowd, which does not go away"
slowest=0
box_freeze
start_crowd -s 12 -u 200000
wait_value 5000 backend_field box parked -ge 200
wait_down
for round in 1 2 3; do
	others_go_on
done
box_thaw
all_is_well 0 $OTHER
others_go_on
kill -0 $crowd || fail "the crowd has gone before the backend was back"
wait $crowd
say "crowd: $(cat "$WORK/crowd")"
say "slowest of the others: $slowest ms ($slowest_what)"
assert_eq "$(jq -c '.results | keys' "$WORK/crowd")" '["EIO","ENOENT"]' "what the crowd got"
stop_guardfs
box_kill

say "with patience: the crowd waits for the backend, and so does another user, who has room"
PATIENCE=40000 DEADLINE_METADATA=30000
prepare
box_kill
wait_down
start_crowd
wait_value 10000 backend_field box parked -ge 300
wait_value 10000 backend_field box counters.fast_fails -gt 0
waiting=$(backend_field box parked)
others_go_on
for uid in 0 $OTHER; do
	as $uid "$TOOLS/callers" -t 20 -o missing "$COLD/public" >"$WORK/waiters.$uid" &
	waiters[uid]=$!
done
wait_value 10000 backend_field box parked -ge $((waiting + 40))
others_go_on
grep -q "waiting: .* last to user $CROWD" "$MNT/.guardfs/status" || fail "status does not name the user"
box_restart
wait $crowd
wait "${waiters[0]}" "${waiters[$OTHER]}"
say "crowd: $(cat "$WORK/crowd")"
say "others who waited: $(cat "$WORK/waiters.0" "$WORK/waiters.$OTHER")"
say "slowest of the others: $slowest ms ($slowest_what)"
assert_eq "$(jq -c '.results | keys' "$WORK/crowd")" '["EIO","ENOENT"]' "what the crowd got"
for uid in 0 $OTHER; do
	assert_eq "$(jq -c .results "$WORK/waiters.$uid")" '{"ENOENT":20}' "what user $uid got, who waited"
done
all_is_well 0 $OTHER $CROWD
nothing_is_left
