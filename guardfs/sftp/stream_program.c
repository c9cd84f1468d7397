/* A byte stream over a program, the OpenSSH client. */
#include "sftp/stream.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CHUNK	    (64u << 10)
#define WORK_MAX    (4u << 20)
#define SOCKET_ROOM (1 << 20)

struct stream_program {
	struct stream stream;
	pid_t pid;
	int socket;
	bool left_alone;
	/* It took less than offered. */
	bool full;
	uint8_t chunk[CHUNK];
};

static struct stream_program *program_of(struct stream *s)
{
	return (struct stream_program *)s;
}

static void program_want(const struct stream *s, struct pollfd *p)
{
	const struct stream_program *g = (const struct stream_program *)s;

	*p = (struct pollfd){.fd = g->socket, .events = (short)(POLLIN | (g->full ? POLLOUT : 0))};
}

/* A killed program resets what it had not read. */
static errint_t end_of_program(int error)
{
	return error == ECONNRESET || error == EPIPE ? -ENOTCONN : -error;
}

static errint_t program_work(struct stream *s)
{
	struct stream_program *g = program_of(s);

	/* The next send tells. */
	g->full = false;
	for (size_t received = 0; received < WORK_MAX;) {
		ssize_t n = recv(g->socket, g->chunk, sizeof(g->chunk), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return n == 0 ? -ENOTCONN : end_of_program(errno);
		s->receive(s->arg, g->chunk, (size_t)n);
		received += (size_t)n;
	}
	return 0;
}

static ssize_t program_send(struct stream *s, const uint8_t *bytes, size_t n)
{
	struct stream_program *g = program_of(s);
	ssize_t rc;

	do
		rc = send(g->socket, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (rc < 0 && errno == EINTR);
	g->full = rc < 0 ? errno == EAGAIN : (size_t)rc < n;
	if (rc < 0 && errno == EAGAIN)
		return 0;
	return rc < 0 ? end_of_program(errno) : rc;
}

/* A killed ssh ends at once: it holds nothing but sockets. */
static void program_close(struct stream *s)
{
	struct stream_program *g = program_of(s);

	close(g->socket);
	if (!g->left_alone) {
		kill(g->pid, SIGKILL);
		while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(g);
}

static const struct stream_ops program_ops = {.name = "program",
					      .want = program_want,
					      .work = program_work,
					      .send = program_send,
					      .close = program_close};

/* Until something can be read. A program that nobody sends anything is not needed. */
static void await_first_byte(int socket)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	if (p.revents & (POLLHUP | POLLERR))
		_exit(0);
}

static void exec_program(const char *const *argv, const struct stream_program_manner *manner, int socket)
{
	char *const *words;

	/* execvp does not change them. */
	memcpy(&words, &argv, sizeof(words));
	if (dup2(socket, STDIN_FILENO) < 0 || dup2(socket, STDOUT_FILENO) < 0)
		_exit(127);
	syscall(SYS_close_range, 3u, ~0u, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	if (manner->at_first_byte)
		await_first_byte(STDIN_FILENO);
	if (manner->confine)
		manner->confine();
	execvp(words[0], words);
	dprintf(STDERR_FILENO, "cannot execute %s: %s\n", words[0], strerror(errno));
	_exit(127);
}

/* One socket instead of two pipes: one descriptor to wait for, and room beyond 64 KiB. */
errint_t stream_over_program(const char *const *argv, const struct stream_program_manner *manner,
			     struct stream **stream)
{
	static const struct stream_program_manner plain;
	struct stream_program *g = calloc(1, sizeof(*g));
	int ends[2];

	manner = manner ? manner : &plain;
	if (!g)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		errint_t rc = -errno;

		free(g);
		return rc;
	}
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &(int){SOCKET_ROOM}, sizeof(int));
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &(int){SOCKET_ROOM}, sizeof(int));
	g->pid = fork();
	if (g->pid == 0)
		exec_program(argv, manner, ends[1]);
	close(ends[1]);
	if (g->pid < 0) {
		errint_t rc = -errno;

		close(ends[0]);
		free(g);
		return rc;
	}
	g->socket = ends[0];
	g->left_alone = manner->left_alone;
	g->stream.ops = &program_ops;
	*stream = &g->stream;
	return 0;
}

pid_t stream_program_pid(const struct stream *s)
{
	return s->ops == &program_ops ? ((const struct stream_program *)s)->pid : 0;
}
