# Workers killed over and over again under callers who know what their files must hold, on the local tier with and without
# passthrough, and on a directory: nothing that was acknowledged is lost, nothing that failed comes later, no error but EIO.
# limit: 120
# long: four arrangements, each under kills for some seconds, then checked
. "$REPO/tests/lib/lib.sh"

# try DIRECTORY[:DIRECTORY...] [THERE]: several are the same, seen at several places; THERE is where another client has it.
try()
{
	local callers rc=0

	mkdir -p "${1%%:*}"
	PUBLISHED=1 python3 "$REPO/tests/lib/chaos.py" "$1" 5 4 "${@:2}" >"$WORK/callers" 2>&1 &
	callers=$!
	while ! is_gone "$callers"; do
		kill -9 "$(process_pid worker)"
		sleep 0.1 # sleep-ok: the rate of killing
	done
	wait "$callers" || rc=$?
	cat "$WORK/callers"
	echo "worker restarts: $(status .worker_restarts)"
	assert_eq "$rc" 0 "what the callers found in $1"
}

setup_dir
start_guardfs
wait_healthy store
say "a directory as guarded tier"
try "$COLD" "$SERVER"
say "the same, through its route and through the backend's own tree"
try "$COLD/both:$MNT/.guardfs/backends/store/cold/both" "$SERVER/both"
# What somebody else does beneath it is seen when the kernel asks again: after a second (cache).
export PUBLISHED_CACHE=1
say "the local tier"
try "$MNT/hot" "$LOCAL/hot"
stop_guardfs

say "the local tier without passthrough"
conf_begin 'passthrough = no'
start_guardfs
try "$MNT/hot-inline" "$LOCAL/hot-inline"
