#include "sftp/transport.h"
#include "sftp/operation.h"
#include "sftp/ring.h"
#include "base/clock.h"

#include <errno.h>
#include <signal.h>

/* Then unused rooms are given back. */
#define IDLE_NS (2 * NSEC_PER_SEC)

struct serving {
	struct ring_server server;
	const struct transport_ends *ends;
	/* Somebody is at the door. */
	bool knocked;
	/* When the last user was found gone; 0: somebody is there. */
	uint64_t deserted_ns;
	unsigned n_connections;
	struct connection *connections[2];
	/* For what is only read; NULL: there is none. Tried once. */
	struct connection *reads;
	bool reads_tried;
	/* When the first connection was; 0: it is not. */
	uint64_t first_ready_ns;
	/* NULL: not ready yet. */
	struct operations *operations;
	uint64_t busy_ns;
	bool trimmed;
};

/* One is enough. */
static void give_up_second(struct serving *s)
{
	connection_free(s->connections[1]);
	s->n_connections = 1;
}

/* The second one may have to wait for the first one. */
static unsigned connections_begun(const struct serving *s)
{
	return s->ends->join_until_ns && s->first_ready_ns == 0 ? 1 : s->n_connections;
}

static struct connection *connection_of_data(const struct serving *s)
{
	return s->connections[s->n_connections - 1];
}

/* Once reads have waited behind writes. Where none can be had they share the one for data. */
static void want_reads(struct serving *s)
{
	if (s->reads_tried || !s->operations || !s->operations->crowded)
		return;
	s->reads_tried = true;
	if (connection_beside(connection_of_data(s), &s->reads) < 0)
		s->reads = NULL;
}

/* One that is in use ends the transport when it ends: files are open there. */
static errint_t work_reads(struct serving *s, uint64_t now_ns)
{
	errint_t rc;

	want_reads(s);
	if (!s->reads)
		return 0;
	rc = connection_work(s->reads, now_ns);
	if (rc == 0 && connection_is_ready(s->reads))
		s->operations->reads = s->reads;
	if (rc == 0 || s->operations->reads == s->reads)
		return rc;
	connection_free(s->reads);
	s->reads = NULL;
	return 0;
}

static errint_t work_connections(struct serving *s)
{
	uint64_t now_ns = clock_mono_ns();

	if (s->reads)
		connection_tell_time(s->reads, now_ns);
	for (unsigned i = 0; i < connections_begun(s); i++) {
		errint_t rc = connection_work(s->connections[i], now_ns);

		if (rc < 0 && i == 1 && !s->operations)
			give_up_second(s);
		else if (rc < 0)
			return rc;
	}
	return work_reads(s, now_ns);
}

/* Until then the second connection may become ready. */
static uint64_t join_end_ns(const struct serving *s)
{
	uint64_t from_ns = s->first_ready_ns, until_ns = s->ends->join_until_ns;

	if (until_ns == 0)
		return from_ns + s->ends->join_ns;
	return until_ns > from_ns ? from_ns + (until_ns - from_ns) / 2 : from_ns;
}

static void note_first_ready(struct serving *s, uint64_t now_ns)
{
	if (s->first_ready_ns != 0)
		return;
	s->first_ready_ns = now_ns;
	if (s->ends->join_until_ns && s->n_connections > 1 && connection_work(s->connections[1], now_ns) < 0)
		give_up_second(s);
}

/* A server may let somebody in twice, and start SFTP but once. */
static bool are_connections_ready(struct serving *s)
{
	uint64_t now_ns = clock_mono_ns();

	if (!connection_is_ready(s->connections[0]))
		return false;
	note_first_ready(s, now_ns);
	if (s->n_connections < 2 || connection_is_ready(s->connections[1]))
		return true;
	if (now_ns < join_end_ns(s))
		return false;
	give_up_second(s);
	return true;
}

static errint_t become_ready(struct serving *s)
{
	struct connection *last;

	if (!are_connections_ready(s))
		return 0;
	last = connection_of_data(s);
	s->operations = operations_new(&s->server, s->connections[0], last);
	if (!s->operations)
		return -ENOMEM;
	s->server.ring->extensions = connection_extensions(last);
	s->server.ring->lacks = connection_lacks(last);
	atomic_store(&s->server.ring->ready, s->n_connections);
	return 0;
}

static int timeout_ms(uint64_t now_ns, uint64_t until_ns)
{
	if (until_ns == UINT64_MAX)
		return -1;
	return until_ns <= now_ns ? 0 : (int)MIN((until_ns - now_ns) / NSEC_PER_MSEC + 1, 60000u);
}

/* Looked at after each wait. False: nobody is left. */
static bool is_wanted(struct serving *s)
{
	uint64_t now_ns;

	if (s->knocked && ring_change_socket(&s->server, s->ends->door))
		s->deserted_ns = 0;
	if (ring_wake_up(&s->server))
		return true;
	now_ns = clock_mono_ns();
	if (s->deserted_ns == 0)
		s->deserted_ns = now_ns;
	return s->ends->door >= 0 && now_ns < s->deserted_ns + s->ends->patience_ns;
}

/* Also until idle for long enough. */
static uint64_t wake_ns(const struct serving *s)
{
	uint64_t until_ns = s->trimmed ? UINT64_MAX : s->busy_ns + IDLE_NS;

	if (s->operations)
		until_ns = MIN(until_ns, operations_wake_ns(s->operations));
	else if (s->first_ready_ns)
		until_ns = MIN(until_ns, join_end_ns(s));
	if (s->deserted_ns)
		until_ns = MIN(until_ns, s->deserted_ns + s->ends->patience_ns);
	for (unsigned i = 0; i < connections_begun(s); i++)
		until_ns = MIN(until_ns, connection_wake_ns(s->connections[i]));
	if (s->reads)
		until_ns = MIN(until_ns, connection_wake_ns(s->reads));
	return until_ns;
}

/* A deserted socket is always readable. */
static void wait_for_work(struct serving *s)
{
	struct pollfd p[4] = {{.fd = s->deserted_ns ? -1 : s->server.socket, .events = POLLIN},
			      {.fd = s->ends->door, .events = POLLIN}};
	bool asleep = !s->operations || ring_fall_asleep(&s->server);

	for (unsigned i = 0; i < connections_begun(s); i++)
		connection_want(s->connections[i], &p[2 + i]);
	(void)poll(p, 2 + connections_begun(s), asleep ? timeout_ms(clock_mono_ns(), wake_ns(s)) : 0);
	s->knocked = p[1].revents != 0;
}

static void trim_if_idle(struct serving *s, bool any)
{
	uint64_t now_ns = clock_mono_ns();

	if (any) {
		s->busy_ns = now_ns;
		s->trimmed = false;
	} else if (!s->trimmed && now_ns >= s->busy_ns + IDLE_NS) {
		ring_trim(&s->server);
		s->trimmed = true;
	}
}

/* The work that follows sends requests begun here. One without room waits for an answer or the socket. */
static errint_t serve_ring(struct serving *s)
{
	for (;;) {
		bool any = s->operations && operations_begin(s->operations, clock_mono_ns()) > 0;
		errint_t rc = work_connections(s);

		if (rc == 0 && !s->operations)
			rc = become_ready(s);
		if (rc < 0)
			return rc;
		trim_if_idle(s, any);
		wait_for_work(s);
		if (!is_wanted(s))
			return 0;
	}
}

errint_t transport_serve(const struct transport_ends *ends, struct connection *metadata,
			 struct connection *bulk)
{
	struct serving s = {
	    .ends = ends, .connections = {metadata, bulk}, .n_connections = metadata == bulk ? 1 : 2};
	errint_t rc = ring_serve(ends->socket, ends->memory, &s.server);

	signal(SIGPIPE, SIG_IGN);
	s.busy_ns = clock_mono_ns();
	if (rc == 0)
		rc = serve_ring(&s);
	/* Everything under way is answered first. */
	connection_free(s.reads);
	for (unsigned i = 0; i < s.n_connections; i++)
		connection_free(s.connections[i]);
	if (s.server.ring)
		ring_end(s.server.ring);
	operations_free(s.operations);
	return rc;
}
