#include "keeper/signs.h"
#include "keeper/events.h"
#include "keeper/internal.h"
#include "base/clock.h"

#include <stdio.h>

/* Fewer are no sign: the server's ssh answers keepalives even with dead storage. */
#define SIGN_BYTES  1024u
#define LOOK_MIN_MS 20u
#define LOOK_MAX_MS 500u

/* Several within the silence that counts. */
static uint64_t look_ns(const struct config *c)
{
	uint32_t ms = MIN(c->deadline.ms[OP_METADATA], c->probe_timeout_ms) / 8;

	return MAX(MIN(ms, LOOK_MAX_MS), LOOK_MIN_MS) * NSEC_PER_MSEC;
}

/* For longer than a look? */
static bool is_listed(const struct supervised *s, uint64_t now_ns)
{
	const struct arena *arena = s->keeper->arena;
	uint64_t since_ns = now_ns - look_ns(s->keeper->config);

	for (uint32_t i = 0; i < arena_slots_used(arena); i++) {
		const struct slot *slot = &arena->slots[i];

		if (atomic_load(&slot->backend) == s->index && atomic_load(&slot->inside) && slot->listing &&
		    atomic_load(&slot->read_ns) <= since_ns)
			return true;
	}
	return false;
}

static bool is_waited_for(const struct supervised *s, uint64_t now_ns)
{
	if (!s->serving || s->transport.pid <= 0)
		return false;
	return is_listed(s, now_ns) ||
	       (probe_running(&s->probe) && now_ns >= s->probe.begun_ns + look_ns(s->keeper->config));
}

static void look_at_traffic(struct supervised *s, uint64_t now_ns)
{
	uint64_t received = transport_received(&s->transport);

	if (s->signs.watching && received >= s->signs.received + SIGN_BYTES)
		atomic_store(&s->board->received_ns, now_ns);
	else if (s->signs.watching && received >= s->signs.received)
		return;
	s->signs.received = received; /* also when a connection has gone and the sum is smaller */
	s->signs.watching = true;
}

/* A hostile listing may have no end, and sshfs keeps all of it. */
static void watch_memory(struct supervised *s, uint64_t now_ns)
{
	uint64_t bytes = transport_memory(&s->transport);
	char detail[128];

	if (bytes <= transport_memory_max(&s->transport) || !is_listed(s, now_ns))
		return;
	snprintf(detail, sizeof(detail), "%s had %llu MiB of a directory's listing in memory: ended",
		 transport_name(&s->transport), (unsigned long long)(bytes >> 20));
	atomic_store(&s->board->gorged_epoch, s->epoch);
	event_broken(s, ERRCLASS_SERVER_GONE, DETECTOR_TRANSPORT, detail, now_ns);
}

uint64_t signs_step(struct supervised *s, uint64_t now_ns)
{
	if (!is_waited_for(s, now_ns)) {
		s->signs.watching = false;
		atomic_store(&s->board->watched, 0);
		return s->serving && probe_running(&s->probe) ? now_ns + look_ns(s->keeper->config)
							      : UINT64_MAX;
	}
	if (now_ns >= s->signs.next_ns) {
		look_at_traffic(s, now_ns);
		watch_memory(s, now_ns);
		s->signs.next_ns = now_ns + look_ns(s->keeper->config);
	}
	return s->signs.next_ns;
}
