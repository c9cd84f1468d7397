/* The mount without root: fusermount3, libfuse's set-user-ID helper, makes it and passes the session's
 * descriptor back through a socket. */
#include "base/cleanup.h"
#include "base/log.h"
#include "guardian/guardian.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER "fusermount3"

static void exec_helper(char *const *argv)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(HELPER, argv);
	execv("/usr/bin/" HELPER, argv);
	dprintf(STDERR_FILENO, "guardfs: cannot run " HELPER ": %s; install the package fuse3\n",
		strerror(errno));
	_exit(127);
}

/* A comma, or a backslash, of the source's. */
static errint_t add_escaped(char *options, size_t size, const char *text)
{
	size_t n = strlen(options);

	for (; *text; text++) {
		if (n + 3 > size)
			return -ENAMETOOLONG;
		if (*text == ',' || *text == '\\')
			options[n++] = '\\';
		options[n++] = *text;
	}
	options[n] = '\0';
	return 0;
}

static errint_t make_options(const struct config *config, const char *source, char *options, size_t size)
{
	errint_t rc = copy_string(options, size, "fsname=");
	size_t n;

	if (rc == 0)
		rc = add_escaped(options, size, source);
	if (rc < 0)
		return rc;
	n = strlen(options);
	return snprintf(options + n, size - n, ",subtype=%s%s%s%s%s", config->subtype,
			config->check_permissions ? ",default_permissions" : "",
			config->allow_other ? ",allow_other" : "", config->read_only ? ",ro" : "",
			config->no_exec ? ",noexec" : "") < (int)(size - n)
		   ? 0
		   : -ENAMETOOLONG;
}

/* -EIO: it sent none. */
static int receive_descriptor(int sock)
{
	char byte, space[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)};
	const struct cmsghdr *c;
	ssize_t n;
	int fd;

	do
		n = recvmsg(sock, &message, 0);
	while (n < 0 && errno == EINTR);
	c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EIO;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static int run_mount(const struct config *config, char *options, int *pair)
{
	char mountpoint[CONFIG_PATH_MAX], number[16];
	char name[] = HELPER, option[] = "-o", end[] = "--";
	char *const argv[] = {name, option, options, end, mountpoint, NULL};
	int fd, status;
	pid_t pid;

	(void)copy_string(mountpoint, sizeof(mountpoint), config->mountpoint);
	snprintf(number, sizeof(number), "%d", pair[0]);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(pair[1]);
		setenv("_FUSE_COMMFD", number, 1);
		exec_helper(argv);
	}
	close(pair[0]);
	pair[0] = -1;
	fd = receive_descriptor(pair[1]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return fd;
}

int mount_user_begin(const struct config *config, const char *source)
{
	char options[2 * CONFIG_PATH_MAX + 128];
	int pair[2] = {-1, -1}, fd;

	fd = make_options(config, source, options, sizeof(options));
	if (fd == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		fd = -errno;
	if (fd == 0)
		fd = run_mount(config, options, pair);
	if (pair[0] >= 0)
		close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	/* It has said why. */
	if (fd < 0)
		log_error("cannot mount at %s by " HELPER, config->mountpoint);
	return fd;
}

/* In a child. */
errint_t mount_user_end(const char *path)
{
	char mountpoint[CONFIG_PATH_MAX];
	char name[] = HELPER, option[] = "-uqz", end[] = "--";
	char *const argv[] = {name, option, end, mountpoint, NULL};
	errint_t rc = copy_string(mountpoint, sizeof(mountpoint), path);
	int status;
	pid_t pid;

	if (rc < 0)
		return rc;
	pid = fork();
	if (pid == 0)
		exec_helper(argv);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}
