# One caller and several on the local tier, in slices in turn with mergerfs, the floors, and other builds of guardfs; and beside programs that
# compute (slices.c says what is printed). Not part of `make bench`: for looking at the readers closely. In the environment:
# BUILDS="NAME=GUARDFS ..."   other programs to run in turn; PLACES: those that are measured (default: all)
# SLICES="ARGUMENTS; ..."     arguments of slices
# FIRST=1                     in a cgroup (cpu, v1) that comes before all others
# APART=1                     each guardfs in a session (for the kernel's autogroups), or in a group, of its own
# SANDBOX=no                  as `sandbox = no`
# SLICES_LOG=FILE             the figures go there, too
. "$REPO/tests/bench/lib.sh"

group=/sys/fs/cgroup/cpuacct/bench-$$
if mkdir "$group" 2>/dev/null; then
	echo $$ >"$group/cgroup.procs"
else
	group=
fi
# Before all other programs of the machine, which may be busy: what is left to look at is how these here share it.
shares=/sys/fs/cgroup/cpu/bench-$$
if [[ -n ${FIRST:-} ]]; then
	mkdir "$shares"
	echo 262144 >"$shares/cpu.shares"
	echo $$ >"$shares/cgroup.procs"
fi
places=()
base=$WORK

# place NAME GUARDFS: starts it
start_place()
{
	WORK=$base/$1 GUARDFS=$2
	mkdir -p "$WORK/volatile"
	MNT=$WORK/mnt LOCAL=$WORK/local RUN=$WORK/volatile/run STATE=$WORK/state CONF=$WORK/guardfs.conf
	setup_local
	sed -i "s/^name = .*/name = $1/; /^\[mount\]/a sandbox = ${SANDBOX:-yes}" "$CONF"
	if [[ -n ${APART:-} ]]; then
		{
			echo '#!/bin/bash'
			[[ -z ${FIRST:-} ]] || echo "mkdir $shares/$1 && echo \$\$ >$shares/$1/cgroup.procs"
			echo "exec setsid '$GUARDFS' \"\$@\""
		} >"$WORK/guardfs"
		chmod 0755 "$WORK/guardfs"
		GUARDFS=$WORK/guardfs
	fi
	start_guardfs
	disown "$GUARDIAN"
	pids+=("$GUARDIAN")
	places+=("$1=$MNT")
}

pids=()
for build in guardfs="$GUARDFS" ${BUILDS:-}; do
	start_place "${build%%=*}" "${build#*=}"
done
mkdir "$base/"{mergerfs,floor,nothing} "$base/mnt-"{mergerfs,floor,nothing}
mergerfs -f -o category.create=ff "$base/mergerfs" "$base/mnt-mergerfs" </dev/null >"$base/mergerfs.log" 2>&1 &
mergerfs=$!
"$BUILD/tests/bench/floor" "$base/floor" "$base/mnt-floor" </dev/null >"$base/floor.log" 2>&1 &
"$BUILD/tests/bench/floor" nothing "$base/mnt-nothing" </dev/null >>"$base/floor.log" 2>&1 &
for name in mergerfs floor nothing; do
	wait_until 5000 mountpoint -q "$base/mnt-$name"
	places+=("$name=$base/mnt-$name")
done
renice -n 0 -p $(ls "/proc/$mergerfs/task") >/dev/null

chosen=()
for place in "${places[@]}"; do
	[[ " ${PLACES:-${places[*]%%=*}} " == *" ${place%%=*} "* ]] && chosen+=("$place")
done
while IFS= read -r arguments; do
	echo "slices $arguments (load $(cut -d' ' -f1-4 /proc/loadavg))"
	"$BUILD/tests/bench/slices" ${group:+-g "$group"} $arguments "${chosen[@]}"
done < <(tr ';' '\n' <<<"${SLICES:--s 12 missing; -s 12 create}") | tee -a "${SLICES_LOG:-/dev/null}"

umount "$base/mnt-mergerfs" "$base/mnt-floor" "$base/mnt-nothing"
for build in guardfs="$GUARDFS" ${BUILDS:-}; do
	GUARDIAN=${pids[0]} MNT=$base/${build%%=*}/mnt
	pids=("${pids[@]:1}")
	stop_guardfs
done
WORK=$base
for group in "$group" ${FIRST:+"$shares"}; do
	[[ -n $group ]] || continue
	echo $$ >"${group%/*}/cgroup.procs"
	wait_until 2000 find "$group" -depth -type d -exec rmdir {} +
done
