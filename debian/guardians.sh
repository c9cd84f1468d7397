# By its path: another one may lie in /usr/local.
program=/usr/sbin/guardfs

# guardians: pids of the main processes of guardfs that run this system's program, whoever started them; none in containers.
guardians()
{
	for process in /proc/[0-9]*; do
		case $(readlink "$process/exe" 2>/dev/null) in
		"$program"*) ;;
		*) continue ;;
		esac
		[ "$(cat "$process/comm" 2>/dev/null)" = guardfs ] || continue
		[ "$process/root" -ef / ] || continue
		echo "${process#/proc/}"
	done
}

# is_replaced PID: its program is not the one that is installed.
is_replaced()
{
	! [ "/proc/$1/exe" -ef "$program" ]
}

# where PID: for messages, what it has mounted, by its configuration.
where()
{
	tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null || true
}
