# What worker and keeper can still do once they have started is what SECURITY.md says, and it is enough: passthrough,
# open files after a worker's death, reconnecting, adopting, hooks that see the host. sandbox = no gives nothing up.
# limit: 180
# long: a worker's and a keeper's death, a reconnect, a drill and an upgrade, then the same without a sandbox
. "$REPO/tests/lib/lib.sh"

# mask NAME...: as /proc/PID/status shows it, of those that we have ourselves (a container may have taken some).
declare -A number=([chown]=0 [dac_override]=1 [dac_read_search]=2 [fowner]=3 [fsetid]=4 [kill]=5 [setgid]=6 [setuid]=7
	[sys_chroot]=18 [sys_ptrace]=19 [sys_admin]=21 [sys_nice]=23 [mknod]=27 [setfcap]=31)
mask()
{
	local name sum=0

	for name in "$@"; do
		sum=$((sum | 1 << number[$name]))
	done
	printf '%016x\n' $((sum & 0x$(field self CapPrm)))
}

field()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# documented PROCESS: the line "PROCESS  NAME..." of the table in SECURITY.md.
documented()
{
	sed -n "s/^    $1 \{2,\}\(CAP_.*\)/\1/p" "$REPO/docs/SECURITY.md" | sed 's/CAP_//g' | tr 'A-Z' 'a-z'
}

# may_return WORKER: it has the limit that brings a thread back from SCHED_IDLE. Otherwise it keeps a capability for that.
may_return()
{
	(($(prlimit --pid "$1" --nice -o SOFT --noheadings) >= 20))
}

# has_given_up PROCESS FILTERS: every thread of it has the documented capabilities and no others, and the filters.
has_given_up()
{
	local pid task want

	pid=$(process_pid "$1")
	want=$(mask $(documented "$1"))
	[[ $1 != worker ]] || may_return "$pid" || want=$(mask $(documented "$1") sys_nice)
	assert_ne "$want" 0000000000000000 "documented capabilities of $1"
	for task in /proc/"$pid"/task/*; do
		task=${task#/proc/}
		assert_eq "$(field "$task" CapPrm)" "$want" "$1's permitted capabilities"
		# A thread that is acting for a caller has lost some for the moment.
		assert_eq $((0x$(field "$task" CapEff) & ~0x$want)) 0 "$1's effective capabilities beyond them"
		assert_eq "$(field "$task" CapBnd)" "$want" "$1's bounding set"
		assert_eq "$(field "$task" CapInh)$(field "$task" CapAmb)" "$(printf '%032d' 0)" "$1's inheritable ones"
		assert_eq "$(field "$task" NoNewPrivs)" 1 "$1's NoNewPrivs"
		assert_eq "$(field "$task" Seccomp)" 2 "$1's Seccomp"
		assert_eq "$(field "$task" Seccomp_filters)" $(($(field self Seccomp_filters) + $2)) "$1's filters"
	done
	say "$1: $(documented "$1"): $want, $(ls "/proc/$pid/task" | wc -l) threads"
}

both_have_given_up()
{
	has_given_up worker 2
	has_given_up keeper 1
}

cat >"$WORK/hook" <<END
#!/bin/bash
{ grep -E '^(Cap|NoNew|Seccomp)' /proc/self/status; readlink /proc/self/ns/mnt; } >$WORK/\$GUARDFS_EVENT.tmp
mount -t tmpfs hook $WORK/hook-mount && echo mounted >>$WORK/\$GUARDFS_EVENT.tmp
setpriv --reuid 65534 --regid 65534 --clear-groups id -u >>$WORK/\$GUARDFS_EVENT.tmp
mv $WORK/\$GUARDFS_EVENT.tmp $WORK/\$GUARDFS_EVENT.done
END
chmod 0755 "$WORK/hook"
# Once only: one that has become somebody else, and has to be ended by its time limit.
cat >"$WORK/slow" <<END
#!/bin/bash
[[ ! -e $WORK/slow.ran ]] || exit 0
touch $WORK/slow.ran
exec setpriv --reuid 65534 --clear-groups sleep 600.125 # sleep-ok: what the time limit is for
END
chmod 0755 "$WORK/slow"
mkdir "$WORK/hook-mount"
touch "$WORK/sentinel"
setup_one_box 'canary = yes'
sed -i 's/^\[recovery\]/&\nflap_count = 0/' "$CONF"
conf hooks "sentinel = $WORK/sentinel" 'confirm_failures = 1' 'confirm_age = 0s' 'cooldown = 0s' 'per_hour = 0' 'per_day = 0' \
	'timeout = 2s' "on_down = $WORK/hook" "on_down = $WORK/slow"
echo hello >"$SERVER/file"
start_guardfs
wait_healthy
both_have_given_up
grep -q 'cannot give up' "$WORK/guardfs.log" && fail "$(grep 'cannot give up' "$WORK/guardfs.log")"
assert_eq "$(field "$GUARDIAN" CapPrm)" "$(field self CapPrm)" "guardian's capabilities"

say "what takes capabilities through the mount: special files, owners, attributes, other users' files"
mkfifo "$MNT/pipe"
mknod "$MNT/device" c 1 3
install -d -o 1000 -g 999 -m 2770 "$MNT/shared"
echo secret | setpriv --reuid 1000 --regid 1000 --groups 999 bash -c "umask 077; cat >'$MNT/shared/file'"
assert_eq "$(stat -c '%u:%g %a' "$MNT/shared/file")" '1000:999 600'
chown 1001:1001 "$MNT/shared/file"
setfattr -n trusted.test -v 1 "$LOCAL" 2>/dev/null && setfattr -n trusted.test -v 1 "$MNT/shared"
setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 "$MNT/shared/file"
getfattr -n security.capability --only-values "$MNT/shared/file" >/dev/null || fail "a file capability was not stored"

say "open files, after the worker's death: found again by handle, passed through, unlinked ones too"
echo local >"$MNT/kept"
mkdir "$MNT/place"
hold local append "$MNT/place/open"
hold gone append "$MNT/place/unlinked"
hold cold append "$COLD/log"
rm "$MNT/place/unlinked"
for round in 1 2; do
	old=$(process_pid worker)
	kill -9 "$old"
	wait_value 5000 process_pid worker != "$old"
	for name in local gone cold; do
		assert_held OK 0 1000 "$name" append "$round,"
	done
	assert_content "$MNT/kept" local
	assert_content "$MNT/place/open" "$(seq -s, "$round"),"
	has_given_up worker 2
done
if [[ $(status .passthrough) == true ]]; then
	echo old >"$MNT/place/read"
	exec {seen}<"$MNT/place/read" {read}<"$MNT/place/read"
	head -c 3 <&$seen >/dev/null
	kill -STOP "$(process_pid worker)"
	echo new 1<>"$LOCAL/place/read"
	assert_eq "$(timeout 0.8 head -c 3 <&$read)" new "what the kernel reads below, the worker being stopped"
	kill -CONT "$(process_pid worker)" 2>/dev/null || true
	exec {seen}<&- {read}<&-
	say "passed through"
fi

say "a reconnect, with a hook that sees the host's mounts, mounts, and becomes somebody else"
box_kill
wait_down
wait_until 10000 test -s "$WORK/down.done"
cat "$WORK/down.done"
assert_eq "$(grep -c 'mnt:' "$WORK/down.done")" 1
grep -qF "$(readlink /proc/self/ns/mnt)" "$WORK/down.done" || fail "the hook was not in the host's mount namespace"
grep -qx mounted "$WORK/down.done" || fail "the hook could not mount"
findmnt -n "$WORK/hook-mount" >/dev/null || fail "the host does not see what the hook has mounted"
umount "$WORK/hook-mount"
assert_eq "$(tail -n 1 "$WORK/down.done")" 65534 "a hook as another user"
assert_eq "$(sed -n 's/^CapPrm:\t//p' "$WORK/down.done")" "$(mask $(documented keeper))" "the hook's capabilities"
wait_until 10000 grep -q 'on_down .*/slow: timed out' "$WORK/guardfs.log"
wait_until 5000 not pgrep -f "sleep 600[.]125" # sleep-ok: its name
box_restart
wait_healthy
assert_content "$COLD/file" hello

say "keeper killed: sshfs adopted, and ended by the next one when it hangs"
sshfs=$(sshfs_pid)
old=$(process_pid keeper)
kill -9 "$old"
wait_value 5000 process_pid keeper != "$old"
wait_healthy
assert_eq "$(sshfs_pid)" "$sshfs" "sshfs goes on"
both_have_given_up
box_freeze
assert_op EIO 0 $((DEADLINE_METADATA + SLACK)) stat "$COLD/new"
wait_until 10000 is_gone "$sshfs"
box_thaw
wait_healthy

say "a drill"
wait_until 30000 backend_is box healthy
ctl drill drop box --for 2s
wait_until 30000 backend_is box healthy probation
for name in local gone cold; do
	let_go "$name"
done

say "the main process executes itself again"
old=$(process_pid worker)
kill -USR2 "$GUARDIAN"
wait_value 10000 process_pid worker != "$old"
wait_healthy
both_have_given_up
assert_content "$COLD/file" hello
stop_guardfs

say "sandbox = no: all is as the main process has it"
sed -i 's/^\[mount\]/&\nsandbox = no/' "$CONF"
start_guardfs
wait_healthy
for name in worker keeper; do
	pid=$(process_pid $name)
	for what in CapPrm CapBnd NoNewPrivs Seccomp; do
		assert_eq "$(field "$pid" $what)" "$(field "$GUARDIAN" $what)" "$name's $what"
	done
done
assert_content "$COLD/file" hello
