#include "keeper/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

pid_t spawn_with_socket(int more, int *sock)
{
	pid_t parent = getpid(), pid;
	int ends[2], keep[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	keep[0] = ends[1];
	keep[1] = more;
	pid = spawn_fork(keep, more >= 0 ? 2 : 1);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		return 0;
	}
	close(ends[1]);
	if (pid > 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		int error = errno;

		kill(pid, SIGKILL);
		pid = -error;
	}
	if (pid < 0)
		close(ends[0]);
	else
		*sock = ends[0];
	return pid;
}

int spawn_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}
