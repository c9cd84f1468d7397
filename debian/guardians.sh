# By its path: another one may lie in /usr/local.
program=/usr/sbin/guardfs

# is_guardfs PROCESS: a guardian or a keeper, by this system's program.
is_guardfs()
{
	case $(readlink "$1/exe" 2>/dev/null) in
	"$program"*) [ "$(cat "$1/comm" 2>/dev/null)" = guardfs ] ;;
	*) false ;;
	esac
}

# guardians: pids of the main processes of guardfs that run this system's program, whoever started them; none in containers.
guardians()
{
	for process in /proc/[0-9]*; do
		is_guardfs "$process" || continue
		# A keeper is its guardian's child.
		! is_guardfs "/proc/$(sed -n 's/^PPid:[[:space:]]*//p' "$process/status" 2>/dev/null)" || continue
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
