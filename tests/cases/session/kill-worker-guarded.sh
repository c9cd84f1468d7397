# The worker is killed under an application that works on an sshfs backend.
# limit: 180
# long: forty kills, and the pauses between them
# types: sshfs sftp
. "$REPO/tests/lib/lib.sh"

KILLS=40
DEADLINE_METADATA=4000 DEADLINE_READ=10000 DEADLINE_WRITE=30000 DEADLINE_SYNC=30000
PROBE_INTERVAL=5000 PROBE_TIMEOUT=4000
setup_one_box
start_guardfs
wait_healthy
mkdir "$COLD/work"
epoch=$(backend_field box epoch)
stress_begin "$COLD/work" 10000

for ((i = 0; i < KILLS; i++)); do
	kill -9 "$(process_pid worker)" 2>/dev/null || true
	"$TOOLS/timed" stat "$COLD/gap-$i" >>"$WORK/gaps"
	kill -0 "$stress" 2>/dev/null || break
	sleep "0.$(printf '%03d' $((RANDOM % 300)))" # sleep-ok: random moments
done
stress_end
say "gaps: $(cut -d' ' -f1 "$WORK/gaps" | sort | uniq -c | tr '\n' ' ')"
assert_eq "$(wc -l <"$WORK/gaps")" "$KILLS" "kills"
assert_eq "$(cut -d' ' -f1 "$WORK/gaps" | sort -u)" ENOENT "what a caller gets at the moment of a kill"
assert_eq "$(backend_field box epoch)" "$epoch" "epoch: sshfs is not concerned"
