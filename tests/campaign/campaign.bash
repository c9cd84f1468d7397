# campaign.bash: the campaign. Writers and readers (crowd.py) with an oracle (oracle.py) work on a box through guardfs while everything that can fail does so
# at random moments; after each round storage is compared with the oracle (judge.py), and nothing may be left over. Sourced by the cases of
# campaign/ and by tests/campaign/run.
#
#     SEED     which faults come, when, and what the writers write
#     FAULTS   how many, in all
#     DURABILITY  behind or through
#     CHECKPOINT, REPLAY_CHECK  as in guardfs.conf (default: off, size)
#     KINDS    of faults, to choose among (default: all); CROWD: who works
#     ROUND    faults in a round (default 8)
. "$REPO/tests/lib/lib.sh"

SEED=${SEED:-1} FAULTS=${FAULTS:-8} ROUND=${ROUND:-8} DURABILITY=${DURABILITY:-behind} CHECKPOINT=${CHECKPOINT:-off} REPLAY_CHECK=${REPLAY_CHECK:-size}
CROWD=${CROWD:-warc:w1 warc:w2 state publish reader link direct mmap rsync}
INSTANT="move worker_kill worker_stop workers_kill keeper_kill keeper_stop sshfs_kill sshfs_stop cut reexecute guardian_kill all_kill reconnect reload clock_jump"
LASTING="freeze down partition refuse slow full power_cut hold journal_full memory"
KINDS=${KINDS:-$INSTANT $LASTING}
DEADLINE_METADATA=1500 DEADLINE_READ=2000 DEADLINE_WRITE=4000 DEADLINE_SYNC=4000 PROBE_INTERVAL=500 PROBE_TIMEOUT=800 PATIENCE=${PATIENCE:-2000}
export CAMPAIGN_METADATA=1.5 CAMPAIGN_READ=2 CAMPAIGN_WRITE=4 CAMPAIGN_SLACK=$((6 * SLOW))
# A keeper that was stopped in an outage is replaced after 15 s; then a try or two of a recovery, on a machine that has much else to do.
SETTLE_MS=45000
STORE=0 n_faults=0 n_moved=0

# What callers may be told: trouble with the infrastructure, and what a full disk and an end of memory are themselves.
export CAMPAIGN_ERRNOS=EIO CAMPAIGN_CUTS=$WORK/cuts
[[ " $KINDS " != *" full "* ]] || CAMPAIGN_ERRNOS+=,ENOSPC
[[ " $KINDS " != *" memory "* ]] || CAMPAIGN_ERRNOS+=,ENOMEM

# ---- chance ----

# draw N: a number below N in `drawn`, by the seed alone. (Not in a subshell: what is drawn there is drawn again.)
RANDOM=$SEED
draw()
{
	drawn=$((((RANDOM << 15) | RANDOM) % $1))
}

# choose WORD...: one of them, in `chosen`.
choose()
{
	draw $#
	chosen=${*:drawn + 1:1}
}

# How long a lasting fault lasts, in ms, in `lasts`: some are over before anybody's patience is, some outlive all deadlines.
draw_duration()
{
	choose short short middle middle long
	case $chosen in
	short) draw 900 && lasts=$((drawn + 100)) ;;
	middle) draw 2500 && lasts=$((drawn + 1000)) ;;
	*) draw 2000 && lasts=$((drawn + DEADLINE_WRITE + 500)) ;;
	esac
}

pause_ms()
{
	sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" # sleep-ok: when faults come, and how long they last, is what the seed says
}

# ---- the setting ----

campaign_setup()
{
	mkdir -p "$WORK/store" "$STATE" "$WORK/synced"
	mount -t tmpfs -o size=160m,mode=0755 store "$WORK/store"
	mount -t tmpfs -o size=8m,mode=0755 state "$STATE"
	box_start box 2222 "$WORK/store"
	# What was synced is kept beside: see power_cut.
	sed -i "s|^Subsystem.*|Subsystem sftp /usr/bin/env LD_PRELOAD=$BUILD/tests/preload/synced.so SYNCED_DIR=$WORK/synced /usr/lib/openssh/sftp-server -d $WORK/store|" "$WORK/box/sshd_config"
	# A shell that sshd starts reads .bashrc, unless it believes to be the second one.
	echo "SetEnv SHLVL=1" >>"$WORK/box/sshd_config"
	box_kill
	box_restart
	relay_start far 2300 2222
	mkdir -p "$WORK/store/cold" "$WORK/store/other"
	conf_begin
	PORT=2300 conf_box box "durability = $DURABILITY" "checkpoint = $CHECKPOINT" "replay_check = $REPLAY_CHECK"
	conf_tier box/cold cold
	sed -i '/^\[recovery\]/a recoveries_per_hour = 0\nrecoveries_per_day = 0\nflap_count = 0' "$CONF"
	COLD=$MNT/cold SERVER=$WORK/store/cold
	mkdir -p "$WORK/clock"
	head -c 8 /dev/zero >"$WORK/clock/offset"
}

# As under systemd: who keeps the descriptors, and starts guardfs again.
campaign_start()
{
	CLOCK_OFFSET=$WORK/clock/offset LD_PRELOAD=$BUILD/tests/preload/clock.so "$TOOLS/fdstore" "$WORK/notify" "$GUARDFS" -f -c "$CONF" </dev/null >>"$WORK/store.out" 2>>"$WORK/guardfs.log" &
	GUARDIAN=$!
	wait_until 15000 grep -q '^ready' "$WORK/store.out"
	wait_healthy box 20000
	cd_serial=$(<"$WORK/store.out" wc -l)
}

guardian()
{
	process_pid guardian
}

# Serves, with all its processes, and is settled: what comes next is another outage.
is_settled()
{
	local state

	state=$(timeout 3 cat "$MNT/.guardfs/status.json" 2>/dev/null | jq -r '[.serving, .backends[0].state, (.processes.keeper > 1), (.processes.guardian > 1)] | join(" ")') || return 1
	[[ $state == "true healthy true true" || $state == "true degraded true true" || $state == "true probation true true" ]]
}

campaign_stop()
{
	stop_guardfs
	box_kill
	umount "$STATE" "$WORK/store"
	kill "$(cat "$WORK/far.pid")"
	rm -rf "$WORK/far.pid" "$RUN" "$WORK"/box "$WORK"/store.out "$WORK"/judgements "$WORK"/oracle-*
}

# Where the threads of guardfs are: CAMPAIGN_DEBUG=1, with gdb.
show_threads()
{
	local pid

	for pid in $(descendants_of "$GUARDIAN"); do
		echo "== $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-80) $(grep State "/proc/$pid/status")"
		[[ $(readlink "/proc/$pid/exe") != */guardfs ]] || timeout 20 gdb -batch -p "$pid" -ex 'thread apply all bt 7' 2>/dev/null | grep -aE '^(#|Thread)' | cut -c1-160
	done
}

# After a failure the mounts made here go as well.
let_mounts_go()
{
	local rc=$?

	set +e
	[[ $rc == 0 || -z ${CAMPAIGN_DEBUG:-} ]] || show_threads
	[[ -z ${jobber:-} ]] || kill -9 $(descendants_of "$jobber") "$jobber" 2>/dev/null
	[[ -z ${crowd:-} ]] || kill -9 $(descendants_of "$crowd") "$crowd" 2>/dev/null
	umount -l "$STATE" "$WORK/store" 2>/dev/null
	return "$rc" # for at_exit
}
trap 'let_mounts_go; at_exit' EXIT

# ---- instant faults ----

signal_process()
{
	local pid

	pid=$(timeout 3 cat "$MNT/.guardfs/status.json" 2>/dev/null | jq -r ".processes.$2") || return 0
	((pid > 1)) && kill -"$1" "$pid" 2>/dev/null || true
}

fault_worker_kill()
{
	signal_process KILL worker
}

fault_workers_kill()
{
	local i

	for i in 1 2 3; do
		signal_process KILL worker
		pause_ms 250
	done
}

fault_worker_stop()
{
	signal_process STOP worker
}

fault_keeper_kill()
{
	signal_process KILL keeper
}

fault_keeper_stop()
{
	signal_process STOP keeper
}

signal_sshfs()
{
	local pid

	pid=$(timeout 3 cat "$MNT/.guardfs/status.json" 2>/dev/null | jq -r '.backends[0].pid') || return 0
	((pid > 1)) && kill -"$1" "$pid" 2>/dev/null || true
}

fault_sshfs_kill()
{
	signal_sshfs KILL
}

fault_sshfs_stop()
{
	signal_sshfs STOP
}

fault_cut()
{
	relay far cut
}

fault_reexecute()
{
	signal_process USR2 guardian
}

fault_guardian_kill()
{
	signal_process KILL guardian
}

# With worker and keeper: the session lives on in the descriptor store alone.
fault_all_kill()
{
	local pids

	pids=$(timeout 3 cat "$MNT/.guardfs/status.json" 2>/dev/null | jq -r '.processes | "\(.guardian) \(.worker) \(.keeper)"') || return 0
	kill -9 $pids 2>/dev/null || true
}

fault_reconnect()
{
	timeout 20 "$GUARDCTL" -c "$CONF" reconnect box >/dev/null 2>&1 || true
}

# The manifest as it was with a route more or less, and sometimes with nonsense.
fault_reload()
{
	choose more less nonsense
	grep -v " $MNT/other\$" "$WORK/manifest" | grep -v nonsense >"$WORK/manifest.new"
	case $chosen in
	more) echo "$WORK/cold/box/other $MNT/other" >>"$WORK/manifest.new" ;;
	nonsense) echo nonsense >>"$WORK/manifest.new" ;;
	esac
	mv "$WORK/manifest.new" "$WORK/manifest"
	signal_process HUP guardian
}

# A job in which somebody writes goes to the other tier. Refused, or given up, if it is in the way just then; goes on the next time. A writer that begins in
# the moment of the switch changes the old copy: that is named, and the old copy kept.
fault_move()
{
	local to=box rc=0

	[[ $(timeout 3 cat "$MNT/.guardfs/status.json" 2>/dev/null | jq -r '.routes[] | select(.path == "job") | .backend') != box ]] || to=local
	timeout 30 "$GUARDCTL" -c "$CONF" tier move job --to "$to" >"$WORK/move.out" 2>&1 || rc=$?
	cat "$WORK/move.out" >>"$WORK/moves"
	if ((rc == 0)); then
		n_moved=$((n_moved + 1))
		timeout 30 "$GUARDCTL" -c "$CONF" tier move job --discard-old >>"$WORK/moves" 2>&1 || true
	else
		! grep -q '^the old copy is kept' "$WORK/move.out" ||
			sed -nE 's/^(r[0-9]+\/.*) (is new|is missing|differs.*)$/\1/p' "$WORK/move.out" >>"$WORK/named-by-move"
		timeout 30 "$GUARDCTL" -c "$CONF" tier move job --abort >>"$WORK/moves" 2>&1 || true
	fi
}

# CLOCK_REALTIME of all of guardfs, hours to and fro.
fault_clock_jump()
{
	draw 200000
	python3 -c 'import struct, sys; open(sys.argv[1], "r+b").write(struct.pack("<q", int(sys.argv[2])))' "$WORK/clock/offset" $((drawn - 100000))
}

# ---- lasting faults: begin_X and end_X ----

begin_freeze()
{
	box_freeze
}

end_freeze()
{
	box_thaw
}

begin_down()
{
	box_kill
}

end_down()
{
	box_restart
}

begin_partition()
{
	relay far freeze
}

end_partition()
{
	relay far thaw
}

begin_refuse()
{
	relay far refuse
}

end_refuse()
{
	relay far thaw
}

begin_slow()
{
	relay far rate 192
	relay far delay 60
}

end_slow()
{
	relay far rate 0
	relay far delay 0
}

# Nothing more fits on the server.
begin_full()
{
	dd if=/dev/zero of="$WORK/store/fill" bs=64k status=none 2>/dev/null || true
	dd if=/dev/zero of="$WORK/store/fill2" bs=512 status=none 2>/dev/null || true
}

end_full()
{
	rm -f "$WORK/store/fill" "$WORK/store/fill2"
}

# The server loses what was not synced.
begin_power_cut()
{
	box_kill
	python3 -c 'import time; print(time.monotonic())' >>"$WORK/cuts"
	python3 "$REPO/tests/campaign/power-cut.py" "$SERVER" "$WORK/synced"
}

end_power_cut()
{
	box_restart
}

begin_hold()
{
	timeout 20 "$GUARDCTL" -c "$CONF" hold box --for 1h --reason campaign >/dev/null 2>&1 || true
}

end_hold()
{
	poll_until 20000 timeout 20 "$GUARDCTL" -c "$CONF" resume box || true
}

begin_journal_full()
{
	dd if=/dev/zero of="$STATE/fill" bs=4k status=none 2>/dev/null || true
}

end_journal_full()
{
	rm -f "$STATE/fill"
}

# Worker gets no more memory than it has.
begin_memory()
{
	local pid size

	pid=$(timeout 3 cat "$MNT/.guardfs/status.json" 2>/dev/null | jq -r .processes.worker) || return 0
	size=$(awk '/^VmSize/ {printf "%d", $2 * 1024}' "/proc/$pid/status" 2>/dev/null) || return 0
	[[ -n $size ]] && prlimit --pid "$pid" --as="$((size + 262144)):" 2>/dev/null || true
	limited=$pid
}

end_memory()
{
	prlimit --pid "${limited:-0}" --as=unlimited: 2>/dev/null || true
}

# ---- rounds ----

# leave_out_named DIR: from what is wrong in the job, what a move has named. Exit status 1: something else is wrong.
leave_out_named()
{
	local named=$WORK/named-by-move

	[[ -s $named ]] || return 1
	sed "s|^$1/||" "$named" >"$named.here"
	echo "in the job $(grep -c WRONG "$WORK/judged-job"), less what a move has named: $(xargs <"$named.here")"
	grep -vF -f "$named.here" "$WORK/judged-job" >"$WORK/judged-job.left"
	mv "$WORK/judged-job.left" "$WORK/judged-job"
	! grep -q WRONG "$WORK/judged-job"
}

is_lasting()
{
	[[ " $LASTING " == *" $1 "* ]]
}

instant_of_kinds()
{
	local kind

	for kind in $KINDS; do
		is_lasting "$kind" || echo "$kind"
	done
}

# One fault; in the midst of a lasting one there may be another.
one_fault()
{
	local kind=$1 beside

	n_faults=$((n_faults + 1))
	count[$kind]=$((${count[$kind]:-0} + 1))
	if ! is_lasting "$kind"; then
		say "fault $n_faults: $kind"
		"fault_$kind"
		return
	fi
	draw_duration
	local ms=$lasts
	draw 3
	beside=
	if ((drawn == 0)); then
		choose $(instant_of_kinds) none
		[[ $chosen == none ]] || beside=$chosen
	fi
	say "fault $n_faults: $kind for $ms ms${beside:+, and $beside}"
	"begin_$kind"
	pause_ms $((ms / 2))
	if [[ -n $beside ]]; then
		n_faults=$((n_faults + 1))
		count[$beside]=$((${count[$beside]:-0} + 1))
		"fault_$beside"
	fi
	pause_ms $((ms / 2))
	"end_$kind"
}

nothing_is_owed()
{
	[[ $(timeout 3 cat "$MNT/.guardfs/status.json" | jq '[.backends[].owed_bytes] | add') == 0 ]]
}

# Those that nobody has looked at yet, as an array.
pending_suspects()
{
	# Its exit status says that there are suspects.
	{ ctl suspects --json || true; } | jq -c 'map(select(.verdict == "pending" and .object != ""))'
}

# Fewer of them than `pending`, or none.
fewer_are_pending()
{
	local n

	n=$(pending_suspects | jq length) && [[ -n $n ]] && ((n == 0 || n < pending)) && pending=$n
}

# Hundreds of looks, one after another, take their time on a busy machine: it may take long, but has to go on. One at a file that was being written is
# repeated after a minute.
await_looks()
{
	local pending=1000000

	while ((pending > 0)); do
		poll_until 75000 fewer_are_pending || fail "suspects that nobody looks at: $(pending_suspects)"
	done
}

settled_suspects()
{
	ctl suspects --settled --limit 1000 --json >"$WORK/settled"
}

campaign_round()
{
	local number=$1 faults=$2 rc=0 i n_before dir=r$1

	rm -f "$WORK/cuts"
	wait_until 30000 mkdir "$COLD/$dir"
	jobber=
	if [[ " $KINDS " == *" move "* ]]; then
		wait_until 30000 mkdir -p "$MNT/job/$dir"
		CAMPAIGN_PAUSE=0.3 python3 "$REPO/tests/campaign/crowd.py" "$MNT/job/$dir" "$WORK/oracle-job-$number" "$SEED-$number" link:j1 publish reader >"$WORK/jobber.out" 2>&1 &
		jobber=$!
	fi
	python3 "$REPO/tests/campaign/crowd.py" "$COLD/$dir:$MNT/.guardfs/backends/box/cold/$dir" "$WORK/oracle-$number" "$SEED-$number" $CROWD >"$WORK/crowd.out" 2>&1 &
	crowd=$!
	pause_ms 700
	for ((i = 0; i < faults; i = n_faults - n_before)); do
		((i > 0)) || n_before=$n_faults
		choose $KINDS
		one_fault "$chosen"
		draw 4
		# Often a recovery is complete before the next fault, often not.
		if ((drawn < 3)); then
			poll_until $SETTLE_MS is_settled || fail "not healthy $((SETTLE_MS / 1000)) s after $chosen"
			draw 900
			pause_ms $drawn
		fi
	done
	poll_until $SETTLE_MS is_settled || fail "not healthy $((SETTLE_MS / 1000)) s after the last fault"
	pause_ms 500
	touch "$WORK/oracle-$number/stop"
	[[ -z $jobber ]] || touch "$WORK/oracle-job-$number/stop"
	wait $crowd || rc=$?
	crowd=
	[[ -z $jobber ]] || wait $jobber || rc=$?
	jobber=
	[[ $rc == 0 ]] || { cat "$WORK/crowd.out" "$WORK/oracle-$number"/*.hung 2>/dev/null; fail "round $number, seed $SEED: the callers ended with $rc"; }
	poll_until $SETTLE_MS is_settled || fail "not healthy after the round"
	poll_until 20000 nothing_is_owed || fail "still owed: $(status '[.backends[].owed_bytes]')"
	await_looks
	# A history that was full is asked again after a while.
	poll_until 90000 settled_suspects || fail "the history does not come back: $(ctl suspects --settled 2>&1)"
	{ ctl suspects --json || true; cat "$WORK/settled"; } | jq -c . >"$WORK/suspects"
	rc=0
	python3 "$REPO/tests/campaign/judge.py" "$SERVER/$dir" "$COLD/$dir" "$WORK/oracle-$number" "$WORK/suspects" "cold/$dir" "$WORK/cuts" >"$WORK/judged" || rc=$?
	tail -n 1 "$WORK/judged" >>"$WORK/judgements"
	say "round $number: $(tail -n 1 "$WORK/judged")"
	if [[ -d $WORK/oracle-job-$number ]]; then
		# By the path that stays, wherever it leads now.
		python3 "$REPO/tests/campaign/judge.py" "$MNT/job/$dir" "$MNT/job/$dir" "$WORK/oracle-job-$number" "$WORK/suspects" "job/$dir" "$WORK/cuts" >"$WORK/judged-job" ||
			leave_out_named "$dir" || rc=1
		cat "$WORK/judged-job" >>"$WORK/judged"
		tail -n 1 "$WORK/judged-job" >>"$WORK/judgements"
	fi
	if ((rc)); then
		grep WRONG "$WORK/judged" | cut -c1-600 | head -n 30
		cp "$WORK/suspects" "$WORK/suspects.$number"
		fail "round $number, seed $SEED, $DURABILITY: wrong, see above"
	fi
	nothing_is_left "$dir"
	# A probe's short limit makes an outage of a moment in which a busy machine does something else.
	wait_until 60000 rm -rf "$COLD/$dir"
	wait_until 60000 rm -rf "$MNT/job/$dir"
	rm -rf "$WORK/oracle-$number" "$WORK/oracle-job-$number"
	rm -f "$WORK"/synced/*
	ctl suspects accept --all >/dev/null 2>&1 || true
}

descriptors()
{
	ls "/proc/$1/fd" | wc -l
}

record()
{
	"$TOOLS/arena" "$(guardian)" | jq -r "$1"
}

no_open_files()
{
	[[ $(record .handles) == 0 ]]
}

# What the kernel keeps of names it lets go when it is told to, and guardfs what it has for them.
few_descriptors()
{
	echo 2 >/proc/sys/vm/drop_caches
	(($(descriptors "$(guardian)") <= 160))
}

# Former guardians' holders have ended; they are children of the cage now.
one_holder()
{
	local pid n=0

	for pid in $(descendants_of $PPID); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != gfs-holder ]] || n=$((n + 1))
	done
	((n == 1))
}

# nothing_is_left DIR: nothing on the local disk, and nothing that a round leaves behind.
nothing_is_left()
{
	local pid

	# The job may be there.
	[[ -z $(find "$LOCAL" -mindepth 1 -not -path "$LOCAL/job*" -not -path "$LOCAL/.guardfs*" | head -n 3) ]] || fail "on the local disk: $(find "$LOCAL" | head)"
	wait_until 10000 no_open_files
	pid=$(guardian)
	poll_until 20000 few_descriptors || fail "descriptors of guardian and worker: $(descriptors "$pid")"
	assert_le "$(ls "/proc/$pid/task" | wc -l)" 1 "threads of guardian"
	assert_le "$(ls "/proc/$(process_pid worker)/task" | wc -l)" 160 "threads of worker"
	assert_le "$(descriptors "$(process_pid keeper)")" 60 "descriptors of keeper"
	assert_le "$(descendants_of "$GUARDIAN" | wc -l)" 12 "processes"
	poll_until 10000 one_holder || fail "more or less than one holder"
	assert_le "$(grep -c "$WORK" /proc/self/mounts)" 8 "mounts"
	[[ $(findmnt -n -o TARGET "$MNT") == "$MNT" ]] || fail "not mounted any more"
}

# campaign [SEED]: the whole.
campaign()
{
	local number=0

	SEED=${1:-$SEED} RANDOM=${1:-$SEED} n_faults=0
	declare -gA count=()
	campaign_setup
	campaign_start
	say "seed $SEED, $FAULTS faults, durability = $DURABILITY, checkpoint = $CHECKPOINT, replay_check = $REPLAY_CHECK"
	while ((n_faults < FAULTS)); do
		number=$((number + 1))
		campaign_round $number $((FAULTS - n_faults < ROUND ? FAULTS - n_faults : ROUND))
	done
	((n_moved == 0)) || say "the job was moved $n_moved times"
	say "$n_faults faults in $number rounds, nothing found. By kind: $(for k in "${!count[@]}"; do echo "$k ${count[$k]}"; done | sort | paste -sd,)"
	jq -cs 'def total(k): map(.[k]) | add; {files: total("files"), calls: total("calls"), written: total("written"), told: total("told"), suspects: total("suspects")}' "$WORK/judgements"
	campaign_stop
}
