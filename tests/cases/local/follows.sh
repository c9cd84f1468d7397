# alone
# The reader of a lone caller follows it from processor to processor; and it is scheduled as all others are when the caller stops, has
# company, or asks a backend.
# limit: 240
# long: as long as it takes for a busy machine to have a moment in which following pays
. "$REPO/tests/lib/lib.sh"

(($(nproc) >= 2)) || skip "one processor alone"
first=$(taskset -pc $$ | sed 's/.*: //; s/[-,].*//') second=$(($(taskset -pc $$ | sed 's/.*[-,]//')))

setup_dir
start_guardfs
wait_healthy store
worker=$(process_pid worker)
limit=$(prlimit --pid "$worker" --nice -o SOFT --noheadings)
capabilities=$(sed -n 's/^CapEff:	//p' "/proc/$worker/status")
((limit >= 20 || 16#$capabilities >> 23 & 1)) || skip "no right to return from SCHED_IDLE"
echo local >"$MNT/file"
echo cold >"$SERVER/file"

# await_follower PROCESSOR|none
await_follower()
{
	local rc=0

	python3 "$REPO/tests/cases/local/follows.py" "$worker" "$1" 30 || rc=$?
	if [[ $rc == 77 && $1 != none ]]; then
		kill "$lone" ${company:+"$company"} 2>/dev/null || true
		stop_guardfs
		skip "other programs leave no processor idle"
	fi
	((rc == 0)) || fail "waited in vain for a follower on processor $1"
}
processors()
{
	cat /proc/"$worker"/task/*/status | sed -n 's/^Cpus_allowed_list:	//p' | sort -u
}
all=$(processors)

# caller PROCESSOR SECONDS [FILE]: in the background. Looking for names that are missing would fill the kernel's memory with them.
caller()
{
	taskset -c "$1" "$TOOLS/callers" -t 1 -s "$2" -o open "${3:-$MNT/file}" >"$WORK/calls.$1" &
}

say "followed, and followed again when it is moved"
caller "$first" 300
lone=$!
await_follower "$first"
taskset -acp "$second" "$lone" >/dev/null
await_follower "$second"

say "company"
caller "$first" 300
company=$!
await_follower none
kill "$company"
company=
await_follower "$second"

say "it asks a backend: whoever serves that is no follower"
caller "$first" 2 "$COLD/file"
wait $!
assert_match "$(cat "$WORK/calls.$first")" '"results":\{"OK":[0-9]+\}'

say "the worker dies meanwhile: the next one follows"
await_follower "$second"
kill -9 "$worker"
wait_value 10000 process_pid worker != "$worker"
worker=$(process_pid worker)
await_follower "$second"

say "it stops"
kill "$lone"
await_follower none
assert_eq "$(processors)" "$all" "processors of all threads"
