/* Host name to TCP connection. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"
#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESSES_MAX 8

static unsigned port_of(const struct diagnose_run *run)
{
	return run->backend->port ? run->backend->port : 22u;
}

/* The numbers of an address that is known. */
static int name_address(int like, char *host, size_t size)
{
	struct sockaddr_storage a;
	socklen_t length = sizeof(a);

	if (getpeername(like, (struct sockaddr *)&a, &length) < 0)
		return EAI_SYSTEM;
	return getnameinfo((const struct sockaddr *)&a, length, host, (socklen_t)size, NULL, 0,
			   NI_NUMERICHOST);
}

/* If the resolver hangs until the child is killed, diagnose_waiting's note is the result. */
enum diagnose_outcome diagnose_resolve(struct diagnose_run *run)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = run->like >= 0 ? AI_NUMERICHOST : 0};
	const char *host = run->backend->host;
	char port[8], known[NI_MAXHOST];
	int rc = 0;

	diagnose_waiting(run, "resolving %s", run->backend->host);
	snprintf(port, sizeof(port), "%u", port_of(run));
	if (run->like >= 0) {
		rc = name_address(run->like, known, sizeof(known));
		host = known;
	}
	if (rc == 0)
		rc = getaddrinfo(host, port, &hints, &run->addresses);
	if (rc != 0)
		return diagnose_fail(run, ERRCLASS_NAME_RESOLUTION, "%s: %s", run->backend->host,
				     gai_strerror(rc));
	return DIAGNOSE_PASSED;
}

static void name_peer(struct diagnose_run *run, const struct addrinfo *a)
{
	char address[64] = "?";

	getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST);
	snprintf(run->peer, sizeof(run->peer), "%s port %u", address, port_of(run));
}

/* 0, or a positive errno; ETIMEDOUT: nothing until until_ns. */
static int connect_address(struct diagnose_run *run, const struct addrinfo *a, uint64_t until_ns)
{
	struct pollfd p = {.events = POLLOUT};
	socklen_t size = sizeof(int);
	int err = 0, ready;

	name_peer(run, a);
	diagnose_waiting(run, "connecting to %s", run->peer);
	run->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	if (run->fd < 0)
		return errno;
	if (connect(run->fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	p.fd = run->fd;
	do
		ready = poll(&p, 1, diagnose_left_ms(run, until_ns));
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ETIMEDOUT;
	return getsockopt(run->fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0 ? errno : err;
}

static unsigned count_addresses(const struct addrinfo *a)
{
	unsigned n = 0;

	for (; a && n < ADDRESSES_MAX; a = a->ai_next)
		n++;
	return n;
}

/* Each address gets its share of the time. Reports the most telling failure. */
enum diagnose_outcome diagnose_connect(struct diagnose_run *run)
{
	unsigned left = count_addresses(run->addresses);
	enum errclass worst = ERRCLASS_NONE;
	char worst_text[160] = "";

	for (const struct addrinfo *a = run->addresses; left > 0; a = a->ai_next, left--) {
		uint64_t share_ns = (uint64_t)diagnose_left_ms(run, UINT64_MAX) * NSEC_PER_MSEC / left;
		int err = connect_address(run, a, clock_mono_ns() + share_ns);
		enum errclass class;

		if (err == 0)
			return DIAGNOSE_PASSED;
		class = diagnose_connect_class(err);
		if (diagnose_more_telling(worst, class) != worst) {
			worst = class;
			snprintf(worst_text, sizeof(worst_text), "connecting to %s: %s", run->peer,
				 err == ETIMEDOUT ? "no answer" : strerror(err));
		}
		if (run->fd >= 0)
			close(run->fd);
		run->fd = -1;
	}
	return diagnose_fail(run, worst == ERRCLASS_NONE ? ERRCLASS_NAME_RESOLUTION : worst, "%s",
			     worst_text[0] ? worst_text : "the name has no address");
}
