# lib.sh: what the end-to-end cases are written with. Source it first: . "$REPO/tests/lib/lib.sh"
#
# tests/run sets WORK (an empty directory of the case's own), REPO, BUILD, CASE. A case runs in mount and network
# namespaces of its own (tests/tools/supervise.c), so ports and mountpoints collide with nothing. A failed assertion ends
# the case. Times are in ms unless a name says otherwise. On a machine that is GUARDFS_TEST_SLOW times as slow as others everything may
# take so many times as long; guardfs's own deadlines are what they are.
set -euo pipefail

TOOLS=$BUILD/tests/tools
GUARDFS=$BUILD/guardfs
GUARDCTL=$BUILD/guardctl
MNT=$WORK/mnt LOCAL=$WORK/local RUN=$WORK/volatile/run STATE=$WORK/state CONF=$WORK/guardfs.conf
GUARDIAN=0
SLOW=${GUARDFS_TEST_SLOW:-1}
# By so many ms the cases beside this one may hold it up: not at all one that has the machine for itself ("# alone").
OTHERS_MS=$((${ALONE:-0} ? 0 : 1500))
export LC_ALL=C

# As on a host, where /run is in memory: keeper tells the state of things there, and a disk that is slow must not make it late.
mkdir "$WORK/volatile"
mount -t tmpfs -o mode=0755 run "$WORK/volatile"

fail()
{
	echo "FAILED at ${BASH_SOURCE[-1]##*/}:${BASH_LINENO[-2]}: $*"
	exit 1
}

skip()
{
	echo "skip: $*"
	exit 77
}

say()
{
	echo "-- $*"
}

# Ends the case: what was started is stopped in order, and when the case failed what the daemon said is shown.
at_exit()
{
	local rc=$? name

	trap - EXIT
	set +e
	if ((rc != 0 && rc != 77)); then
		for name in "$WORK"/guardfs*.log "$WORK"/*/sshd.log; do
			[[ -s $name ]] && echo "== ${name#"$WORK"/}" && tail -n 40 "$name"
		done
		[[ -s $RUN/status.json ]] && echo "== status.json" && jq -c 'del(.crashes)' "$RUN/status.json"
	fi
	box_thaw_all
	((GUARDIAN > 0)) && stop_guardfs
	for name in "$WORK"/*.pid; do
		[[ -s $name ]] && kill -9 "$(cat "$name")" 2>/dev/null
	done
	box_kill_all
	# A build with sanitizers (make sanitize, tsan-cases) speaks in the daemon's log.
	if ((rc == 0)) && grep -hE -A30 'runtime error:|(Address|Thread|Leak|UndefinedBehavior)Sanitizer' "$WORK"/guardfs*.log; then
		echo "FAILED: a sanitizer found something"
		rc=1
	fi
	umount -l "$WORK/volatile"
	exit "$rc"
}
trap at_exit EXIT

# -- waiting -----------------------------------------------------------------------------------------------------------

now_ms()
{
	echo $((${EPOCHREALTIME/./} / 1000))
}

# poll_until MS COMMAND...: polls until the command succeeds; exit status 1 after MS. Less and less often, down to 12 times a second: a look costs
# some processes. A slow machine even less often: the looking would take all of its time.
poll_until()
{
	local end=$(($(now_ms) + $1 * SLOW)) pause=20

	shift
	until "$@" >/dev/null 2>&1; do
		(($(now_ms) < end)) || return 1
		sleep "0.$(printf %03d "$pause")" # sleep-ok: polling
		pause=$((SLOW == 1 ? (pause < 64 ? pause * 5 / 4 : 80) : (pause < 400 ? pause * 3 / 2 : 600)))
	done
}

# wait_until MS COMMAND...: polls until the command succeeds. Fails the case after MS.
wait_until()
{
	poll_until "$@" || fail "waited in vain for: ${*:2}"
}

# wait_value MS COMMAND... OPERATOR WANT: polls until the command prints the value wanted. OPERATOR: == or != (WANT is a pattern), =~,
# or -eq -ne -lt -le -gt -ge for integers. Fails the case after MS, and shows the value wanted and the last one printed.
wait_value()
{
	local ms=$1 printed= operator=${*: -2:1} want=${*: -1}
	local command=("${@:2:$#-3}")

	poll_until "$ms" prints_value || fail "waited in vain for: ${command[*]}: expected $operator '$want', printed at last: '$printed'"
}

# One look of wait_value, whose variables it uses. A command that failed has not printed something else than WANT.
prints_value()
{
	local rc=0

	printed=$("${command[@]}") || rc=$?
	case $operator in
	==) [[ $printed == $want ]] ;;
	!=) ((rc == 0)) && [[ $printed != $want ]] ;;
	=~) [[ $printed =~ $want ]] ;;
	-*) [[ $printed =~ ^-?[0-9]+$ ]] && test "$printed" "$operator" "$want" ;;
	*) fail "no operator: $operator" ;;
	esac
}

# not COMMAND...: for wait_until.
not()
{
	! "$@"
}

# -- assertions --------------------------------------------------------------------------------------------------------

assert_eq()
{
	[[ $1 == "$2" ]] || fail "${3:-values differ}: expected '$2', got '$1'"
}

assert_ne()
{
	[[ $1 != "$2" ]] || fail "${3:-values are equal}: '$1'"
}

# assert_le A B [WHAT]: integers.
assert_le()
{
	(($1 <= $2)) || fail "${3:-number too large}: $1 > $2"
}

assert_ge()
{
	(($1 >= $2)) || fail "${3:-number too small}: $1 < $2"
}

assert_match()
{
	[[ $1 =~ $2 ]] || fail "${3:-no match}: '$1' does not match /$2/"
}

# assert_fails COMMAND...
assert_fails()
{
	if "$@" >/dev/null 2>&1; then
		fail "should have failed: $*"
	fi
}

# assert_exit STATUS REGEX COMMAND...: the exit status, and what it says (on stdout or stderr).
assert_exit()
{
	local want=$1 pattern=$2 rc=0 text

	shift 2
	text=$("$@" 2>&1) || rc=$?
	[[ $rc == "$want" ]] || fail "$*: exit status $rc instead of $want: $text"
	[[ $text =~ $pattern ]] || fail "$*: '$text' does not match /$pattern/"
}

assert_missing()
{
	[[ ! -e $1 && ! -L $1 ]] || fail "should not exist: $1"
}

assert_content()
{
	local got

	got=$(cat "$1") || fail "cannot read $1"
	assert_eq "$got" "$2" "content of $1"
}

# assert_no_trace DIRECTORY NAME: nothing of that name below it.
assert_no_trace()
{
	local found

	found=$(find "$1" -xdev -name "$2" | head -n 3)
	[[ -z $found ]] || fail "$2 was written to $found"
}

# assert_op RESULT MIN_MS MAX_MS OPERATION PATH [ARGUMENT]: one operation of timed; RESULT is OK or an errno's name.
# MAX_MS counts to the millisecond only for cases that have the machine for themselves ("# alone").
assert_op()
{
	local want=$1 min=$2 max=$3

	shift 3
	check_result "$want" "$min" "$max" "$*" $("$TOOLS/timed" "$@")
}

# check_result WANT MIN_MS MAX_MS WHAT RESULT US JITTER_US: by what the machine itself was late is not held against it.
check_result()
{
	local want=$1 min=$2 max=$((($3 + OTHERS_MS) * SLOW + $7 / 1000)) what=$4 result=$5 us=$6

	echo "$what: $result after $us us (the machine was up to $7 us late)"
	[[ $result == "$want" ]] || fail "$what: expected $want, got $result after $us us"
	((us >= min * 1000)) || fail "$what: $result after only $us us, expected at least $min ms"
	((us <= max * 1000)) || fail "$what: $result only after $us us, expected at most $max ms"
}

# within LIMIT_US PERCENTILE JSON: what callers measured, at that percentile (p99 or max), less the machine's own lateness.
within()
{
	local late

	late=$(jq ".us.$2 - .jitter_us.$2" <<<"$3")
	assert_le "$late" $(($1 * SLOW)) "$2 of the callers, us"
}

# stress_begin DIR [STALL_MS]: an application with eight threads (tests/tools/stress.c) works in DIR until stress_end; no call of it may take
# longer than STALL_MS (default 5000). It would take all that a slow machine can do, so there it pauses between its steps.
stress_begin()
{
	"$TOOLS/stress" -s 1000 -m $((${2:-5000} * SLOW)) -p $((5 * (SLOW - 1))) "$1" >"$WORK/stress.out" 2>"$WORK/stress.err" &
	stress=$!
	wait_until 40000 grep -q running "$WORK/stress.out"
}

# The application ends, and must have found nothing wrong.
stress_end()
{
	local rc=0

	kill -TERM "$stress" 2>/dev/null || true
	wait "$stress" || rc=$?
	cat "$WORK/stress.err" "$WORK/stress.out"
	assert_eq "$rc" 0 "exit status of the application"
}

# hold NAME read|write|append PATH: a process that holds the file open; what it does then is said by `held`.
hold()
{
	rm -f "$WORK/$1.in" "$WORK/$1.out"
	mkfifo "$WORK/$1.in"
	"$TOOLS/timed" -i "$2" "$3" 0<>"$WORK/$1.in" >"$WORK/$1.out" 2>&1 &
	echo $! >"$WORK/$1.pid"
	wait_until 10000 test -s "$WORK/$1.out"
	[[ $(cat "$WORK/$1.out") == OK* ]] || fail "cannot open $3: $(cat "$WORK/$1.out")"
}

# held NAME OPERATION [ARGUMENT]: prints result, microseconds, jitter.
held()
{
	local name=$1 before

	shift
	before=$(wc -l <"$WORK/$name.out")
	echo "$*" >"$WORK/$name.in"
	wait_until 100000 has_more_lines "$WORK/$name.out" "$before"
	tail -n 1 "$WORK/$name.out"
}

# assert_held RESULT MIN_MS MAX_MS NAME OPERATION [ARGUMENT]: as assert_op, on a file held open.
assert_held()
{
	local want=$1 min=$2 max=$3

	shift 3
	check_result "$want" "$min" "$max" "$*" $(held "$@")
}

# The holder ends, and with it the file is closed.
let_go()
{
	local pid

	pid=$(cat "$WORK/$1.pid")
	rm "$WORK/$1.pid"
	echo exit >"$WORK/$1.in"
	wait "$pid" || true
}

has_more_lines()
{
	(($(wc -l <"$1") > $2))
}

# -- the storage box: an own sshd --------------------------------------------------------------------------------------

. "$REPO/tests/lib/box.sh"

# box_start [NAME [PORT [DATA [USER]]]]: a box in WORK/NAME on PORT (default 2222), as box_make_in says.
box_start()
{
	box_make_in "$WORK/${1:-box}" "${2:-2222}" "${3:-}" "${4:-root}"
	box_restart "${1:-box}"
}

box_restart()
{
	box_run_in "$WORK/${1:-box}"
}

box_freeze()
{
	box_freeze_in "$WORK/${1:-box}"
}

box_thaw()
{
	box_thaw_in "$WORK/${1:-box}"
}

box_kill()
{
	box_kill_in "$WORK/${1:-box}"
}

box_cut()
{
	box_cut_in "$WORK/${1:-box}"
}

each_box()
{
	local dir

	for dir in "$WORK"/*/sshd_config; do
		[[ -f $dir ]] && "$1" "$(dirname "$dir")"
	done
	return 0
}

box_thaw_all()
{
	each_box box_thaw_in
}

box_kill_all()
{
	each_box box_kill_in
}

# -- the relay ---------------------------------------------------------------------------------------------------------

# relay_start NAME LISTEN_PORT TO_PORT; then: relay NAME COMMAND (see tests/tools/relay.c).
relay_start()
{
	"$TOOLS/relay" "$2" "$3" "$WORK/$1.control" </dev/null >"$WORK/$1.relay" 2>&1 &
	echo $! >"$WORK/$1.pid"
	wait_until 5000 grep -q ready "$WORK/$1.relay"
}

relay()
{
	local name=$1 before

	shift
	before=$(wc -l <"$WORK/$name.relay")
	echo "$*" >"$WORK/$name.control"
	wait_until 5000 has_more_lines "$WORK/$name.relay" "$before"
	assert_eq "$(tail -n 1 "$WORK/$name.relay")" "$*" "relay's answer"
}

# -- the peer ----------------------------------------------------------------------------------------------------------

# raw_begin [BOX [OPTIONS]]: that box by sshfs alone, at RAW, beside guardfs's mount; until raw_end. PORT overrides the port.
RAW=$WORK/raw
raw_begin()
{
	local box=$WORK/${1:-box}

	mkdir -p "$RAW"
	sshfs -f -p "${PORT:-$(cat "$box/port")}" "$(cat "$box/user")@127.0.0.1:" "$RAW" -o "IdentityFile=$box/user_key" \
		-o "UserKnownHostsFile=$box/known_hosts,BatchMode=yes,allow_other${2:+,$2}" </dev/null >>"$WORK/raw.log" 2>&1 &
	echo $! >"$WORK/raw.pid"
	wait_until 10000 mountpoint -q "$RAW"
}

raw_end()
{
	fusermount3 -u "$RAW"
	wait "$(cat "$WORK/raw.pid")" || true
	rm "$WORK/raw.pid"
}

# -- configuration -----------------------------------------------------------------------------------------------------

# conf_begin [LINE...]: starts the configuration with [mount] and short deadlines (see DEADLINE_*); LINEs go into [mount].
DEADLINE_METADATA=1000 DEADLINE_READ=1500 DEADLINE_WRITE=8000 DEADLINE_SYNC=8000
PROBE_INTERVAL=1000 PROBE_TIMEOUT=1000 BACKOFF_MIN=250 BACKOFF_MAX=2000
# How long callers wait for a backend that has just been lost. By default not at all: most cases look at what a lasting
# outage does, and at once. What is said of the first seconds stands in the cases of young/; others set it where it matters.
PATIENCE=0
# What an answer may come later than its deadline.
SLACK=50
conf_begin()
{
	mkdir -p "$MNT" "$LOCAL"
	cat >"$CONF" <<-END
		[mount]
		name = test
		mountpoint = $MNT
		local = $LOCAL
		run_dir = $RUN
		state_dir = $STATE
	END
	printf '%s\n' "$@" >>"$CONF"
	cat >>"$CONF" <<-END
		[deadline]
		metadata = ${DEADLINE_METADATA}ms
		read = ${DEADLINE_READ}ms
		write = ${DEADLINE_WRITE}ms
		sync = ${DEADLINE_SYNC}ms
		[recovery]
		backoff_min = ${BACKOFF_MIN}ms
		backoff_max = ${BACKOFF_MAX}ms
		probe_interval = ${PROBE_INTERVAL}ms
		probe_timeout = ${PROBE_TIMEOUT}ms
		patience = ${PATIENCE}ms
	END
}

# conf SECTION LINE...: another section, e.g. conf 'backend other' 'type = dir' "path = $WORK/other".
conf()
{
	echo "[$1]" >>"$CONF"
	shift
	printf '%s\n' "$@" >>"$CONF"
}

# conf_box NAME [LINE...]: a backend of that name on the box of that name, by sshfs, or of the type TYPE. PORT overrides the port (a
# relay's). STREAM is the stream of a backend of type sftp.
conf_box()
{
	local name=$1 dir=$WORK/$1

	shift
	[[ -z ${STREAM:-} || ${TYPE:-} != sftp ]] || set -- "stream = $STREAM" "$@"
	[[ -z ${PORT:-} ]] ||
		echo "[127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$dir/host_key.pub")" >>"$dir/known_hosts"
	conf "backend $name" "type = ${TYPE:-sshfs}" 'host = 127.0.0.1' "port = ${PORT:-$(cat "$dir/port")}" \
		"user = $(cat "$dir/user")" "identity = $dir/user_key" "known_hosts = $dir/known_hosts" \
		"alias = $WORK/cold/$name" "$@"
}

# conf_tier COLD HOT...: a manifest of these pairs; HOT is relative to the mount, COLD is NAME/PATH on a backend.
conf_tier()
{
	: >"$WORK/manifest"
	while (($# > 0)); do
		echo "$WORK/cold/$1 $MNT/$2" >>"$WORK/manifest"
		shift 2
	done
	conf tier "manifest = $WORK/manifest"
}

# The setting that most cases use: one box, its directory jobs/cold routed to cold/ of the mount. Lines go to the backend.
setup_one_box()
{
	box_start box
	mkdir -p "$WORK/box/data/jobs/cold"
	conf_begin
	conf_box box "$@"
	conf_tier box/jobs/cold cold
	COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
}

# setup_far_box MS [LINE...]: the same, a round trip of twice MS away; the relay is named far.
setup_far_box()
{
	local ms=$1

	shift
	box_start box 2222
	relay_start far 2300 2222
	relay far delay "$ms"
	mkdir -p "$WORK/box/data/jobs/cold"
	conf_begin
	PORT=2300 conf_box box "$@"
	conf_tier box/jobs/cold cold
	COLD=$MNT/cold SERVER=$WORK/box/data/jobs/cold
}

# A mount of the local tier alone. Lines go into [mount].
setup_local()
{
	conf_begin "$@"
}

# A backend of type dir at WORK/store, its directory cold routed to cold/ of the mount. Lines go to the backend.
setup_dir()
{
	mkdir -p "$WORK/store/cold"
	conf_begin
	conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store" "$@"
	conf_tier store/cold cold
	COLD=$MNT/cold SERVER=$WORK/store/cold
}

# A box as setup_one_box has it, and a directory, WORK/store/dir, routed to dir/ of the mount; guardfs is started, and both are healthy.
start_with_box_and_dir()
{
	setup_one_box
	mkdir -p "$WORK/store/dir"
	conf 'backend store' 'type = dir' "path = $WORK/store" "alias = $WORK/cold/store"
	echo "$WORK/cold/store/dir $MNT/dir" >>"$WORK/manifest"
	start_guardfs
	wait_healthy
	wait_healthy store
}

# The rules of the fault filter whose control file is WORK/fault; '' ends them.
fault()
{
	printf '%s\n' "$@" >"$WORK/fault.new"
	mv "$WORK/fault.new" "$WORK/fault"
	# The filter looks at the file at most every 50 ms.
	sleep 0.15 # sleep-ok: there is nothing to poll for
}

# Something on COLD completes all the while, until traffic_end: the backend is slow, not down. Needs the rule TRAFFIC_RULE.
TRAFFIC_RULE='lookup delay 20 path=alive'
traffic_begin()
{
	rm -f "$WORK/enough"
	while [[ ! -e $WORK/enough ]]; do
		"$TOOLS/timed" stat "$COLD/alive" >/dev/null
		sleep 0.2 # sleep-ok: the rate of looking
	done &
	traffic=$!
}

traffic_end()
{
	touch "$WORK/enough"
	wait "$traffic"
}

# -- the daemon --------------------------------------------------------------------------------------------------------

mounted()
{
	findmnt -n -t fuse.guardfs "${1:-$MNT}" >/dev/null
}

# mount(8) looks for its helper in /sbin: ours lies in a directory of its own, mounted over the real one with all it holds. To
# be unmounted again: umount "$(realpath /sbin)".
install_mount_helper()
{
	mkdir -p "$WORK/upper" "$WORK/ovl"
	mount -t overlay overlay -o "lowerdir=$(realpath /sbin),upperdir=$WORK/upper,workdir=$WORK/ovl" "$(realpath /sbin)" ||
		skip "no overlay file system to put a mount helper in place"
	ln -s "$GUARDFS" /sbin/mount.fuse.guardfs
}

# start_guardfs [ARGUMENT...]: in the foreground mode, as a child; returns when it is mounted.
start_guardfs()
{
	"$GUARDFS" -f -c "$CONF" "$@" </dev/null >>"$WORK/guardfs.log" 2>&1 &
	GUARDIAN=$!
	wait_until 10000 guardfs_up_or_dead
	mounted || fail "guardfs did not mount: $(tail -n 5 "$WORK/guardfs.log")"
}

# start_stored: guardfs with descriptors kept for its guardian, and a next one started, by a process $store, as systemd does;
# returns when it is ready, as each one says in $WORK/store.out.
start_stored()
{
	"$TOOLS/fdstore" "$WORK/notify" "$GUARDFS" -f -c "$CONF" </dev/null >"$WORK/store.out" 2>"$WORK/guardfs.log" &
	store=$!
	echo "$store" >"$WORK/store.pid"
	wait_until 10000 grep -q '^ready' "$WORK/store.out"
}

# guardctl on the guardfs of this case.
ctl()
{
	"$GUARDCTL" -c "$CONF" "$@"
}

guardfs_up_or_dead()
{
	[[ ! -d /proc/$GUARDIAN ]] || { mounted && timeout $((2 * SLOW)) cat "$MNT/.guardfs/health"; }
}

# stop_guardfs [MS]: ends it as an operator would. It must be gone within that, and with it the mount.
stop_guardfs()
{
	local pid=$GUARDIAN

	GUARDIAN=0
	[[ -d /proc/$pid ]] || return 0
	kill -TERM "$pid"
	wait_until "${1:-10000}" is_gone "$pid"
	wait "$pid" 2>/dev/null || true
	! mounted || fail "still mounted after SIGTERM"
}

# No process, or a zombie that its parent has not looked at.
is_gone()
{
	[[ ! -d /proc/$1 ]] || [[ $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) == Z* ]]
}

# are_gone PID...
are_gone()
{
	local pid

	for pid in "$@"; do
		is_gone "$pid" || return 1
	done
}

# status FILTER: jq over the mount's own status.json.
status()
{
	timeout $((5 * SLOW)) cat "$MNT/.guardfs/status.json" | jq -r "$1"
}

# incidents FILTER: jq over the journal's list of incidents.
incidents()
{
	ctl incidents --json | jq -cr "$1"
}

# arena FILTER: jq over a look into the arena from outside.
arena()
{
	"$TOOLS/arena" "$GUARDIAN" | jq -r "$1"
}

# The tiers of the mount, when the state of the first is down or recovering.
first_route_is_down()
{
	jq -e '.routes[0].state == "down" or .routes[0].state == "recovering"' "$RUN/status.json"
}

# contains TEXT COMMAND...: the command prints it.
contains()
{
	grep -qF -- "$1" <("${@:2}" 2>&1)
}

# write_to PATH: writes a line; exit status of that.
write_to()
{
	echo x >"$1"
}

# answers_at PORT: something listens at this port of the machine.
answers_at()
{
	(exec 3<>"/dev/tcp/127.0.0.1/$1")
}

# backend_field NAME FIELD
backend_field()
{
	status ".backends[] | select(.name == \"$1\") | .$2"
}

route_field()
{
	status ".routes[] | select(.path == \"$1\") | .$2"
}

# backend_is NAME STATE...: one of the states.
backend_is()
{
	local name=$1 state

	state=$(backend_field "$name" state)
	shift
	[[ " $* " == *" $state "* ]]
}

# Serves again: probation counts, it is only the memory of the trouble.
wait_healthy()
{
	wait_until "${2:-15000}" backend_is "${1:-box}" healthy probation degraded
}

wait_down()
{
	wait_until "${2:-10000}" backend_is "${1:-box}" down recovering
}

# The pids as the mount itself tells them, fresher than the outside file. Never 0, which kill(1) would take for all of us.
process_pid()
{
	local pid tries

	for ((tries = 0; tries < 100; tries++)); do
		pid=$(status ".processes.$1") && ((pid > 1)) && echo "$pid" && return
		sleep 0.02 # sleep-ok: polling
	done
	fail "no pid of $1"
}

# Those whose death leaves the mount dead.
guardfs_pids()
{
	process_pid guardian
	process_pid worker
	process_pid keeper
}

# kill_at_once PID...: and waits for their end.
kill_at_once()
{
	kill -9 "$@"
	wait_until 5000 are_gone "$@"
}

# freezable_disk DIR MIB: a disk of its own is mounted at that directory; what hangs on it goes on when the case ends.
freezable_disk()
{
	mkdir -p "$1"
	truncate -s "$2M" "$WORK/disk"
	mkfs.ext4 -q "$WORK/disk" && mount -o loop "$WORK/disk" "$1" || skip "no disk can be made here"
	FROZEN_DISK=$1
	trap 'thaw_disk; at_exit' EXIT
}

thaw_disk()
{
	local rc=$?

	set +e # the status returned is for at_exit
	fsfreeze -u "$FROZEN_DISK" 2>/dev/null
	return "$rc"
}

# another_worker_serves PID: than that one.
another_worker_serves()
{
	[[ $(process_pid worker) != "$1" && $(status .serving) == true ]]
}

# kill_worker [COMMAND...]: and the command at once, before another has begun. Returns when that one serves.
kill_worker()
{
	local before

	before=$(process_pid worker)
	kill -KILL "$before"
	"$@"
	wait_until 10000 another_worker_serves "$before"
}

sshfs_pid()
{
	local pid

	pid=$(backend_field "${1:-box}" pid)
	# 0: there is none. Nothing is printed then: kill(1) takes 0 for the caller's own process group.
	((pid > 0)) && echo "$pid"
}
