# The unit and its drop-ins: systemd-analyze has nothing to say against them, the exposure is what guardfs(8) says, nothing in
# them makes a mount namespace, and guardfs works under what they take away.
# limit: 180
# long: a whole life of guardfs under strace
. "$REPO/tests/lib/lib.sh"

type systemd-analyze >/dev/null || skip "no systemd-analyze"
unit=guardfs@.service dest=$WORK/dest etc=$WORK/units
make -s -C "$REPO" BUILD="$BUILD" DESTDIR="$dest" PREFIX=/usr install-units
[[ $(stat -c %a "$dest/usr/lib/systemd/system/$unit") == 644 ]] || fail "mode of the installed unit"
grep -q '^ExecStart=/usr/sbin/guardfs ' "$dest/usr/lib/systemd/system/$unit" || fail "the installed unit starts another program"

say "systemd-analyze verify, the services that the drop-ins are for included"
mkdir -p "$etc"
sed "s|^ExecStart=[^ ]*|ExecStart=$GUARDFS|" "$dest/usr/lib/systemd/system/$unit" >"$etc/$unit"
for name in docker healtharchive-worker healtharchive-replay; do
	mkdir "$etc/$name.service.d"
	cp "$dest/usr/share/doc/guardfs/examples/systemd/$name.conf" "$etc/$name.service.d/guardfs.conf"
	printf '[Service]\nExecStart=/bin/true\n' >"$etc/$name.service"
done
verify()
{
	SYSTEMD_UNIT_PATH="$etc:" systemd-analyze verify --man=no "$@" 2>&1 | tee "$WORK/verify"
	[[ ! -s $WORK/verify ]] || fail "systemd-analyze verify complains"
}
cp "$etc/$unit" "$etc/guardfs@jobs.service"
verify "$etc/guardfs@jobs.service" "$etc"/{docker,healtharchive-worker,healtharchive-replay}.service
mkdir "$etc/$unit.d"
cp "$dest/usr/share/doc/guardfs/examples/systemd/guardfs-hooks.conf" "$etc/$unit.d/hooks.conf"
verify "$etc/guardfs@jobs.service"
rm -r "${etc:?}/$unit.d"

# milliseconds FILE NAME: a constant of guardian's.
milliseconds()
{
	sed -n "s/^#define $2[[:space:]]*\([0-9]*\)u\{0,1\}\([[:space:]].*\)\{0,1\}$/\1/p" "$REPO/guardfs/guardian/$1"
}

say "systemd waits for an end as long as guardian does"
stop=$(sed -n 's/^TimeoutStopSec=//p' "$etc/$unit")
assert_ge $((stop * 1000)) $((2 * $(milliseconds mount.c CHILD_TIMEOUT_MS) + $(milliseconds guardian.c END_MS) + $(milliseconds processes.c STOP_KEEPER_MS))) \
	"TimeoutStopSec, in ms"

say "systemd-analyze security"
SYSTEMD_UNIT_PATH="$etc:" systemd-analyze security --offline=yes --no-pager "$etc/$unit" >"$WORK/security"
score=$(sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p' "$WORK/security")
documented=$(sed -n 's/.*exposure of \([0-9]\.[0-9]\).*/\1/p' "$REPO/docs/man/guardfs.8.scd")
echo "exposure $score, documented $documented"
# Versions of systemd judge differently: a better one is no failure, nor is a little worse.
assert_le "${score/./}" $((${documented/./} + 3)) "exposure, in tenths"

# settings FILE: names of what it sets, one each line.
settings()
{
	sed -n 's/^\([A-Za-z]*\)=.*/\1/p' "$1" | sort -u
}

say "nothing that makes a mount namespace"
namespaced=$(sed -n '/^# Left out, because they make a mount namespace/,/^#   (/p' "$etc/$unit" | grep -o '\b[A-Z][A-Za-z]*' | sort -u)
assert_ge "$(wc -l <<<"$namespaced")" 30 "settings that the unit names as left out"
for name in PrivateTmp ProtectSystem ProtectHome ReadWritePaths PrivateDevices ProtectKernelModules ProtectProc DynamicUser; do
	grep -qx "$name" <<<"$namespaced" || fail "$name is not on the list of what makes one"
done
for file in "$etc/$unit" "$dest"/usr/share/doc/guardfs/examples/systemd/*.conf; do
	found=$(comm -12 <(settings "$file") - <<<"$namespaced")
	[[ -z $found ]] || fail "${file##*/} sets $found"
done

# -- under what the unit takes away --

# denied: names of the system calls that it refuses, its sets spelled out, less those that it gives back.
denied()
{
	local word

	sed -n 's/^SystemCallFilter=\([^~]\)/\1/p' "$etc/$unit" | tr ' ' '\n' >"$WORK/given-back"
	for word in $(sed -n 's/^SystemCallFilter=~//p' "$etc/$unit"); do
		if [[ $word == @* ]]; then
			systemd-analyze syscall-filter "$word" | sed -n 's/^ *\([a-z_0-9]*\)$/\1/p'
		else
			echo "$word"
		fi
	done | sort -u | grep -vxFf "$WORK/given-back"
}
denied >"$WORK/denied"
assert_ge "$(wc -l <"$WORK/denied")" 40 "system calls denied"
grep -qx kexec_load "$WORK/denied" || fail "a set was not spelled out"

bounding=$(sed -n 's/^CapabilityBoundingSet=//p' "$etc/$unit" | tr 'A-Z ' 'a-z\n' | sed 's/^cap_/,+/' | tr -d '\n')
cat >"$WORK/as-unit" <<END
#!/bin/bash
exec setpriv --bounding-set=-all$bounding --no-new-privs \
	strace -f -qq --seccomp-bpf -e signal=none -o '$WORK/strace' \
	-e trace=$(sed 's/^/?/' "$WORK/denied" | paste -sd,),socket,unshare,setns,mprotect,mmap \
	'$GUARDFS' "\$@"
END
chmod 0755 "$WORK/as-unit"
cat >"$WORK/hook" <<END
#!/bin/bash
grep '^Cap' /proc/self/status >$WORK/hooked.tmp
mv $WORK/hooked.tmp $WORK/hooked
END
chmod 0755 "$WORK/hook"
touch "$WORK/sentinel"
setup_one_box 'canary = yes'
conf hooks "sentinel = $WORK/sentinel" 'confirm_failures = 1' 'confirm_age = 0s' "on_down = $WORK/hook"
echo hello >"$SERVER/file"

say "capabilities and no new privileges: start, worker's death, outage, hook, reconnect, end"
GUARDFS=$WORK/as-unit
start_guardfs
wait_healthy box 30000
old=$(process_pid worker)
mkdir "$MNT/local"
mknod "$MNT/local/device" b 7 0
install -d -o 1000 -g 999 -m 2770 "$MNT/local/shared"
assert_eq "$(stat -c '%u:%g %a' "$MNT/local/shared")" '1000:999 2770'
kill -9 "$old"
wait_value 10000 process_pid worker != "$old"
assert_content "$COLD/file" hello
box_kill
wait_down
wait_until 15000 test -s "$WORK/hooked"
box_restart
wait_healthy box 30000
echo more >>"$COLD/file"
assert_eq "$(cat "$SERVER/file")" $'hello\nmore'
grep -q 'cannot give up' "$WORK/guardfs.log" && fail "$(grep 'cannot give up' "$WORK/guardfs.log")"
pid=$(process_pid guardian)
kill -TERM "$pid"
wait_until 20000 is_gone "$pid"
wait_until 5000 is_gone "$GUARDIAN"
GUARDIAN=0

say "system calls: none that the unit refuses"
wc -l <"$WORK/strace"
grep -q 'socket(AF_INET' "$WORK/strace" || fail "strace has not seen ssh"
grep -q 'unshare(CLONE_NEWNS' "$WORK/strace" || fail "strace has not seen the mount namespace being made"
if grep -wFf <(sed 's/$/(/' "$WORK/denied") "$WORK/strace" | head -n 5 | grep .; then
	fail "a system call of SystemCallFilter was made"
fi
if grep -E 'PROT_WRITE.*PROT_EXEC' "$WORK/strace" | head -n 5 | grep .; then
	fail "memory both writable and executable (MemoryDenyWriteExecute)"
fi
if grep -E 'CLONE_NEW(USER|NET|PID|IPC|UTS|CGROUP|TIME)' "$WORK/strace" | head -n 5 | grep .; then
	fail "another namespace (RestrictNamespaces)"
fi
families=$(grep -o 'socket(AF_[A-Z0-9]*' "$WORK/strace" | sort -u | sed 's/socket(//')
for family in $families; do
	grep -q "^RestrictAddressFamilies=.*\b$family\b" "$etc/$unit" || fail "a socket of $family"
done
echo "sockets:" $families
