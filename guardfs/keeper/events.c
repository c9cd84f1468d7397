#include "keeper/events.h"
#include "keeper/effects.h"
#include "keeper/internal.h"
#include "keeper/notify.h"
#include "keeper/try.h"

#include <sys/random.h>

static uint32_t random_bits(void)
{
	uint32_t r = 0;

	/* No randomness, no jitter. */
	return getrandom(&r, sizeof(r), GRND_NONBLOCK) == sizeof(r) ? r : 0x80000000u;
}

void event_broken(struct supervised *s, enum errclass class, enum detector by, const char *detail,
		  uint64_t now_ns)
{
	board_trip_breaker(s->keeper->board, s->index, s->epoch, class, by);
	s->serving = false;
	charge_suspect(s, class, by, now_ns);
	s->explained = ERRCLASS_NONE; /* a former probe's finding does not */
	course_broken(&s->course, class, random_bits(), now_ns);
	effects_drain(s, detail, now_ns);
	/* The next try comes later: tasks stuck in the transport need not wait. */
	if (has_carrier(s) && !s->course.trying && s->course.next_try_ns > now_ns)
		try_take_down(s);
	notify_verdict(s);
}

void event_found_broken(struct supervised *s, enum errclass class, uint64_t now_ns)
{
	course_broken(&s->course, class, random_bits(), now_ns);
	effects_drain(s, "found when keeper started", now_ns);
}

void event_probed(struct supervised *s, enum errclass class, const char *detail, uint64_t now_ns)
{
	course_probed(&s->course, class, now_ns);
	effects_drain(s, detail, now_ns);
}

void event_try_started(struct supervised *s, uint64_t now_ns)
{
	atomic_fetch_add(&s->board->attempts, 1);
	s->incident.tries++;
	s->keeper->changed = true;
	course_try_started(&s->course, now_ns);
	effects_drain(s, s->failure_detail, now_ns);
}

void event_try_failed(struct supervised *s, const char *detail, uint64_t now_ns)
{
	charge_drop(s);
	course_try_failed(&s->course, s->failure_class, random_bits(), now_ns);
	effects_drain(s, detail, now_ns);
	s->keeper->changed = true;
}

void event_try_succeeded(struct supervised *s, uint64_t now_ns)
{
	s->serving = true;
	s->reopens = false;
	s->explained = ERRCLASS_NONE;
	s->identity_ns = now_ns;
	s->next_probe_ns = now_ns + s->keeper->config->probe_interval_ms * NSEC_PER_MSEC;
	s->transport.used = 0; /* said while connecting */
	s->transport.used_by_callers = true;
	charge_settle(s, now_ns); /* before the memory is stored */
	course_proven(&s->course, now_ns);
	effects_drain(s, "", now_ns);
}

void event_network(struct supervised *s, const char *news, uint64_t now_ns)
{
	if (!course_called(&s->course, random_bits(), now_ns))
		return;
	effects_drain(s, news, now_ns);
	history_note(s, "note", "network", "back", 0, news);
}
