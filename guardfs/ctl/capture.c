#include "ctl/capture.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static pid_t start_program(const char *const *argv, enum capture_streams streams, int out)
{
	pid_t pid = fork();
	int null;

	if (pid != 0)
		return pid;
	null = open("/dev/null", O_RDWR);
	if (dup2(null, 0) == 0 && dup2(out, 1) == 1 &&
	    dup2(streams == CAPTURE_OUTPUT_AND_ERRORS ? out : null, 2) == 2) {
		setenv("LC_ALL", "C", 1);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
	}
	_exit(127);
}

/* False: time is over. */
static bool read_until(int fd, uint64_t end_ns, char *buf, size_t size)
{
	size_t used = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now_ns = clock_mono_ns();
		char more[4096];
		ssize_t n;

		if (now_ns >= end_ns)
			return false;
		if (poll(&p, 1, (int)((end_ns - now_ns) / NSEC_PER_MSEC) + 1) <= 0)
			continue;
		n = read(fd, more, sizeof(more));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		n = MIN(n, (ssize_t)(size - 1 - used));
		memcpy(buf + used, more, (size_t)n);
		used += (size_t)n;
		buf[used] = '\0';
	}
}

int capture_run(const char *const *argv, enum capture_streams streams, unsigned ms, char *buf, size_t size)
{
	uint64_t end_ns = clock_mono_ns() + ms * NSEC_PER_MSEC;
	CLEANUP_FD int reading = -1;
	int fds[2], status = 0;
	bool ended;
	pid_t pid;

	buf[0] = '\0';
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	reading = fds[0];
	pid = start_program(argv, streams, fds[1]);
	close(fds[1]);
	if (pid < 0)
		return -1;
	ended = read_until(reading, end_ns, buf, size);
	if (!ended)
		kill(pid, SIGKILL);
	/* It ends once it has closed its output. */
	if (waitpid(pid, &status, ended ? 0 : WNOHANG) != pid || !ended)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}
