#include "keeper/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Out of the way of 3, 4 and so on first. */
static bool renumber(const int *keep, size_t n)
{
	int staged[8];

	for (size_t i = 0; i < n; i++) {
		staged[i] = fcntl(keep[i], F_DUPFD, 64);
		if (staged[i] < 0)
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(staged[i], 3 + (int)i) < 0)
			return false;
	return syscall(SYS_close_range, 3u + (unsigned)n, ~0u, 0) == 0;
}

pid_t spawn_fork(const int *keep, size_t n)
{
	pid_t pid;

	if (n > 8)
		return -EINVAL;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		reset_signals();
		if (!renumber(keep, n))
			_exit(127);
	}
	return pid;
}

int spawn_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}
