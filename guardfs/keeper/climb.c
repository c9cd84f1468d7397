#include "keeper/climb.h"
#include "keeper/events.h"
#include "keeper/internal.h"
#include "keeper/rungs.h"
#include "keeper/try.h"

#include <stdio.h>

/* Any words of the transport tell more than a timeout. */
static void note_expiry(struct supervised *s)
{
	char detail[256];
	enum errclass class;

	transport_read(&s->transport);
	class = transport_explain(&s->transport, detail, sizeof(detail));
	if (class == ERRCLASS_NONE) {
		class = ERRCLASS_TIMEOUT;
		snprintf(detail, sizeof(detail), "no success in time at step %s",
			 ladder_rung_name(&s->ladder));
	}
	try_fail(s, class, detail);
}

/* They only say that there is no connection. */
static bool is_vague(enum errclass class)
{
	static const enum errclass vague[] = {ERRCLASS_SERVER_GONE, ERRCLASS_TIMEOUT,	    ERRCLASS_STALLED,
					      ERRCLASS_IO_ERROR,    ERRCLASS_NOT_CONNECTED, ERRCLASS_ABORTED};

	for (size_t i = 0; i < ARRAY_SIZE(vague); i++)
		if (class == vague[i])
			return true;
	return false;
}

/* The diagnosis asked the server, but trouble with our own files goes before what the server calls it ("permission
 * denied"). Of two reasons of one class the diagnosis tells more. */
static void prefer_explanation(struct supervised *s)
{
	if (s->explained != ERRCLASS_NONE && (s->explained == ERRCLASS_CONFIG ||
					      s->explained == s->failure_class || is_vague(s->failure_class)))
		try_fail(s, s->explained, s->explained_detail);
}

/* The incident of a lost connection gets the reason why no new one is made. A diagnosis may be off, or miss it
 * (sshfs not installed). */
static void tell_incident(struct supervised *s, const char *detail)
{
	if (!s->incident.open || is_vague(s->failure_class) || s->incident.class == s->failure_class)
		return;
	s->incident.class = s->failure_class;
	(void)copy_string(s->incident.detail, sizeof(s->incident.detail), detail);
	incident_update(s);
}

static void fail_try(struct supervised *s, bool expired, uint64_t now_ns)
{
	char detail[320];

	if (expired)
		note_expiry(s);
	prefer_explanation(s);
	try_take_down(s);
	(void)copy_string(detail, sizeof(detail), s->failure_detail);
	event_try_failed(s, detail, now_ns);
	tell_incident(s, detail);
}

static void enter_ladder(struct supervised *s)
{
	s->try_begun = false;
	ladder_begin(&s->ladder, s->rungs, rungs_of_plan(&s->plan, s->rungs), try_budget_ms(s));
	s->ladder.left = history_rung;
}

void climb_step(struct supervised *s, uint64_t now_ns)
{
	if (s->try_begun)
		enter_ladder(s);
	switch (ladder_step(&s->ladder, s, now_ns)) {
	case LADDER_TOP:
		event_try_succeeded(s, now_ns);
		break;
	case LADDER_FAILED:
		fail_try(s, false, now_ns);
		break;
	case LADDER_EXPIRED:
		fail_try(s, true, now_ns);
		break;
	case LADDER_IDLE:
	case LADDER_WAITING:
		break;
	}
}

uint64_t climb_wake_ns(const struct supervised *s, uint64_t now_ns)
{
	return s->try_begun ? now_ns : ladder_wake_ns(&s->ladder, now_ns);
}
