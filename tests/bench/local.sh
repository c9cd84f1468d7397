# The local tier against the bare directory, bindfs and mergerfs. "guardfs" is with passthrough, "nopass" without.
# ONLY=WORKLOAD in the environment: that workload of ops alone.
. "$REPO/tests/bench/lib.sh"
ROUNDS=$(pick 9 3)

for name in bare bindfs mergerfs; do
	mkdir -p "$WORK/$name" "$WORK/mnt-$name"
done
bindfs "$WORK/bindfs" "$WORK/mnt-bindfs"
mergerfs -f -o category.create=ff "$WORK/mergerfs" "$WORK/mnt-mergerfs" </dev/null >"$WORK/mergerfs.log" 2>&1 &
mergerfs=$!
wait_until 5000 mountpoint -q "$WORK/mnt-mergerfs"
mkdir "$WORK/floor" "$WORK/mnt-floor" "$WORK/nothing" "$WORK/mnt-nothing"
"$BUILD/tests/bench/floor" "$WORK/floor" "$WORK/mnt-floor" </dev/null >"$WORK/floor.log" 2>&1 &
"$BUILD/tests/bench/floor" nothing "$WORK/mnt-nothing" </dev/null >>"$WORK/floor.log" 2>&1 &
wait_until 5000 mountpoint -q "$WORK/mnt-floor"
wait_until 5000 mountpoint -q "$WORK/mnt-nothing"
# It puts itself at -10; the comparison would be one of priorities.
renice -n 0 -p $(ls "/proc/$mergerfs/task") >/dev/null

setup_local 'passthrough = yes'
start_guardfs
first=$GUARDIAN
subjects=(guardfs="$MNT:$LOCAL") mnt=$MNT
MNT=$WORK/mnt-nopass LOCAL=$WORK/local-nopass RUN=$WORK/run-nopass STATE=$WORK/state-nopass CONF=$WORK/nopass.conf
setup_local 'passthrough = no'
sed -i 's/^name = .*/name = nopass/' "$CONF"
start_guardfs
both=("${subjects[@]}" nopass="$MNT:$LOCAL")
peers=(bare="$WORK/bare" bindfs="$WORK/mnt-bindfs:$WORK/bindfs" mergerfs="$WORK/mnt-mergerfs:$WORK/mergerfs")

# The least that a FUSE file system can do (floor.c), and less: for names that are missing, and files made and removed.
floors=(floor="$WORK/mnt-floor:$WORK/floor" nothing="$WORK/mnt-nothing:$WORK/nothing")

# aim BARE: the aim against the bare directory; against the others it is to be no slower.
aim()
{
	case $2 in
	bare) [[ $1 == nopass ]] && echo - || echo "$BARE" ;;
	floor) echo "$FLOOR" ;;
	nothing) echo - ;;
	*) echo '>= 1' ;;
	esac
}

# meta TITLE BARE_AIM ARGUMENT...
meta()
{
	local title=$1 BARE=$2

	shift 2
	compare "$title" aim "$@" "${subjects[@]}" "${peers[@]}"
}

data()
{
	local title=$1 BARE=$2

	shift 2
	compare "$title" aim -s 2 "$@" "${both[@]}" "${peers[@]}"
}

# beside_floors FLOOR_AIM meta|data ARGUMENT...: against the floors, too.
beside_floors()
{
	local FLOOR=$1 peers=("${peers[@]}" "${floors[@]}")

	shift
	"$@"
}

if [[ -n ${ONLY:-} ]]; then
	case $ONLY in
	*missing | *create-unlink) beside_floors - data "$ONLY" - $ONLY ;;
	*) data "$ONLY" - $ONLY ;;
	esac
else
meta 'stat, 1 thread' - stat
meta 'stat, 4 threads' - -t 4 stat
meta 'stat again, 1 thread' - stat-again
beside_floors '>= 0.9' meta 'missing name, 1 thread' '>= 0.25' missing
beside_floors '>= 0.9' meta 'missing name, 4 threads' '>= 0.25' -t 4 missing
data 'random read 4 KiB' '>= 0.85' read-4k
data 'append 4 KiB' '>= 0.85' append-4k
data 'sequential read 1 MiB' '>= 0.85' read-1m
data 'sequential write 1 MiB' '>= 0.85' write-1m
beside_floors - data 'create, unlink' '>= 0.15' create-unlink
beside_floors - meta 'create, unlink, 4 threads' - -t 4 create-unlink
meta 'readdir' - readdir
meta 'readdir and stat' - readdir-stat
fi

umount "$WORK/mnt-bindfs" "$WORK/mnt-mergerfs" "$WORK/mnt-floor" "$WORK/mnt-nothing"
stop_guardfs
GUARDIAN=$first MNT=$mnt
stop_guardfs
