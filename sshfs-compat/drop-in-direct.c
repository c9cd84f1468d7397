/* directport: in the place of ssh, carries bytes between guardfs and a TCP port. */
#include "base/cleanup.h"
#include "sshfs-compat/drop-in.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (256u << 10)

/* One way. */
struct way {
	int from, to;
	size_t begin, end;
	bool closed;
	char bytes[CHUNK];
};

static const char *host_of(int argc, char **argv)
{
	for (int i = 3; i + 1 < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return argv[i + 1];
	return NULL;
}

static int connect_to(const struct addrinfo *at)
{
	int sock = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock >= 0 && connect(sock, at->ai_addr, at->ai_addrlen) < 0) {
		int error = errno;

		close(sock);
		errno = error;
		return -1;
	}
	return sock;
}

/* -1: said as ssh says it, by which its class is known. */
static int reach(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int error = getaddrinfo(host, port, &hints, &found), sock = -1;

	if (error) {
		fprintf(stderr, "ssh: Could not resolve hostname %s: %s\n", host, gai_strerror(error));
		return -1;
	}
	for (const struct addrinfo *at = found; at && sock < 0; at = at->ai_next)
		sock = connect_to(at);
	error = errno;
	freeaddrinfo(found);
	if (sock < 0)
		fprintf(stderr, "ssh: connect to host %s port %s: %s\n", host, port, strerror(error));
	else
		(void)setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return sock;
}

/* False: this way is broken. */
static bool take_bytes(struct way *w)
{
	ssize_t n = read(w->from, w->bytes, sizeof(w->bytes));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	w->begin = 0;
	w->end = (size_t)n;
	if (n == 0) {
		w->closed = true;
		(void)shutdown(w->to, SHUT_WR);
	}
	return true;
}

static bool give_bytes(struct way *w)
{
	const char *at = w->bytes + w->begin;
	size_t left = w->end - w->begin;
	ssize_t n = send(w->to, at, left, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == ENOTSOCK) /* so much a pipe that can be written takes */
		n = write(w->to, at, MIN(left, (size_t)PIPE_BUF));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	w->begin += (size_t)n;
	return true;
}

static void want(const struct way *w, struct pollfd *p)
{
	bool gives = w->begin < w->end;

	*p = (struct pollfd){.fd = w->closed ? -1
				   : gives   ? w->to
					     : w->from,
			     .events = gives ? POLLOUT : POLLIN};
}

static bool carry_bytes(struct way *w, const struct pollfd *p)
{
	if (!p->revents)
		return true;
	return w->begin < w->end ? give_bytes(w) : take_bytes(w);
}

/* The server's end is the end; ours lets it finish. */
static int relay(int sock)
{
	static struct way up, down; /* large */

	up.from = STDIN_FILENO;
	up.to = down.from = sock;
	/* One socket is both (sftp/stream_program.c); of the first login, pipes. */
	down.to = STDOUT_FILENO;
	while (!down.closed) {
		struct pollfd p[2];

		want(&up, &p[0]);
		want(&down, &p[1]);
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 1;
		if (!carry_bytes(&up, &p[0]) || !carry_bytes(&down, &p[1]))
			return 1;
	}
	return 0;
}

int drop_in_direct(int argc, char **argv)
{
	const char *host = host_of(argc, argv);
	int sock = host ? reach(host, argv[2]) : -1;

	return sock < 0 ? 255 : relay(sock);
}
