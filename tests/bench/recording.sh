# Prints how an outage looks to an ordinary user, on raw sshfs and on sshfs-guard: the recording in README. With guardfs's defaults.
# tests/bench/run -v recording prints it. Nothing is measured against a peer.
. "$REPO/tests/bench/lib.sh"
. "$REPO/tests/lib/user.sh"

# typed COMMAND: as ann types it at home, and what she sees. A command that has not returned after 60 s is given up.
typed()
{
	local begun rc

	echo "\$ $1"
	begun=$(now_ms)
	# The shell's own word about a command that was killed is no part of it.
	rc=$({ ann env PATH="$BUILD:$PATH" timeout -s KILL 60 bash -c "cd '$ANN_HOME' && $1" >&9 2>&9; echo $?; } 2>/dev/null)
	((rc == 137)) && echo "(nothing for 60 s: given up)" && return
	awk -v ms=$(($(now_ms) - begun)) 'BEGIN { if (ms >= 500) printf "(after %.1f s)\n", ms / 1000 }'
}

exec 9>&1
user_begin
mkdir "$ANN_HOME/raw" "$ANN_HOME/jobs" "$SERVER/crawl"
chown "$ANN:$ANN" "$ANN_HOME/raw" "$ANN_HOME/jobs"
echo 'page 1 stored' >"$SERVER/crawl/log"
typed 'sshfs -o reconnect server: raw'
typed 'sshfs-guard server: jobs'
typed 'cat raw/crawl/log jobs/crawl/log'
sleep 2 # sleep-ok: what the kernel has cached is over
echo '      the server is stopped: it answers nothing any more, and closes no connection'
box_freeze
typed 'cat jobs/crawl/log'
typed 'cat jobs/crawl/log'
typed 'cat jobs/.guardfs/health'
typed 'cat raw/crawl/log'
echo '      the server goes on'
box_thaw
is_well()
{
	[[ $(ann cat "$ANN_HOME/jobs/.guardfs/health") == ok* ]]
}
wait_until 120000 is_well
typed 'cat jobs/crawl/log'
typed 'cat jobs/.guardfs/health'
typed 'guardctl -m jobs incidents'
typed 'fusermount3 -u jobs && fusermount3 -u raw'
