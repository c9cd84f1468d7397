/* Does a server greet? Neither logs in nor says a word. */
#include "diagnose/internal.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* RFC 4253, 4.2. A server that says other lines first is not heard. */
static const char greeting[] = "SSH-";
#define GREETING_LENGTH (sizeof(greeting) - 1)

static bool wait_for_bytes(const struct diagnose_run *run)
{
	struct pollfd p = {.fd = run->fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&p, 1, diagnose_left_ms(run, UINT64_MAX));
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

static bool hears_greeting(const struct diagnose_run *run)
{
	char said[GREETING_LENGTH];
	size_t n = 0;

	while (n < sizeof(said) && wait_for_bytes(run)) {
		ssize_t got = recv(run->fd, said + n, sizeof(said) - n, MSG_DONTWAIT);

		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return n == sizeof(said) && memcmp(said, greeting, n) == 0;
}

bool diagnose_knock(const struct config_backend *backend, uint32_t timeout_ms)
{
	static struct diagnose_run run; /* large */
	struct diagnosis diagnosis = {0};
	bool greets;

	run = (struct diagnose_run){.backend = backend,
				    .diagnosis = &diagnosis,
				    .timeout_ms = timeout_ms,
				    .deadline_ns = clock_mono_ns() + timeout_ms * NSEC_PER_MSEC,
				    .fd = -1,
				    .like = -1};
	greets = diagnose_resolve(&run) == DIAGNOSE_PASSED && diagnose_connect(&run) == DIAGNOSE_PASSED &&
		 hears_greeting(&run);
	if (run.addresses)
		freeaddrinfo(run.addresses);
	if (run.fd >= 0)
		close(run.fd);
	return greets;
}
