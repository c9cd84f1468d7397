# The sshfs tier against the same sshfs, with the same options, mounted by itself; less direct_io, which is for an sshfs that has
# the kernel's cache above it and not below. Both talk to one sshd on the loopback; "cold" means a file or directory that the server
# has and that no client has seen.
. "$REPO/tests/bench/lib.sh"
ROUNDS=$(pick 9 3)
DEADLINE_METADATA=20000 DEADLINE_READ=20000 DEADLINE_WRITE=60000 PROBE_TIMEOUT=4000
setup_one_box
mkdir -p "$WORK/box/data/raw" "$WORK/mnt-raw"
start_guardfs
wait_healthy

mapfile -d '' -t command <"/proc/$(sshfs_pid)/cmdline"
command[-1]=$WORK/mnt-raw
for i in "${!command[@]}"; do
	[[ ${command[i]} != direct_io ]] || unset "command[i-1]" "command[i]"
done
command=("${command[@]}")
"${command[@]}" </dev/null >"$WORK/raw.log" 2>&1 &
raw=$!
wait_until 10000 mountpoint -q "$WORK/mnt-raw"
echo "both: ${command[*]}"

# The same with default_permissions, as guardfs itself is mounted and as HealthArchive mounts its sshfs: what the kernel asks for
# because of that, it asks of this one, too.
mkdir "$WORK/box/data/strict" "$WORK/mnt-strict"
command[-1]=$WORK/mnt-strict
"${command[@]}" -o default_permissions </dev/null >"$WORK/strict.log" 2>&1 &
strict=$!
wait_until 10000 mountpoint -q "$WORK/mnt-strict"

aim()
{
	echo "$AIM"
}
more=() # peers beyond raw

# against TITLE AIM ARGUMENT...
against()
{
	local title=$1 AIM=$2

	shift 2
	compare "sshfs: $title" aim "$@" guardfs="$COLD:$SERVER" raw="$WORK/mnt-raw/raw:$WORK/box/data/raw" "${more[@]}"
}

against 'sequential read, cold' '>= 0.95' -n 32 read-1m-cold
against 'sequential write' '>= 0.95' write-1m
against 'append 4 KiB' '>= 0.85' -n "$(pick 1000 300)" append-4k
against 'append 128 bytes' '>= 0.85' -n "$(pick 1000 300)" append-128
against 'stat, cold, 1 thread' '>= 0.85' -n "$(pick 1000 300)" stat
against 'stat, cold, 4 threads' '>= 0.85' -n "$(pick 1000 300)" -t 4 stat
against 'stat again' '>= 0.85' stat-again
against 'stat after 1.2 s' '>= 0.85' stat-later
more=(strict="$WORK/mnt-strict/strict:$WORK/box/data/strict")
against 'create, write 4 KiB, unlink' '>= 0.85' -n "$(pick 200 100)" create-unlink-4k
more=()
against 'ls -l of 1000 files, cold' '>= 0.85' readdir-stat
against 'ls -l of 1000 files, again' '>= 0.85' readdir-stat-again

umount "$WORK/mnt-raw" "$WORK/mnt-strict"
wait "$raw" "$strict" || true
stop_guardfs
