#include "keeper/charge.h"
#include "keeper/drill.h"
#include "keeper/internal.h"
#include "base/clock.h"
#include "base/log.h"

#define HOUR_MS (3600 * MSEC_PER_SEC)
#define DAY_MS	(24 * HOUR_MS)

/* So looks an operation that hangs the server, unlike a broken or refused connection. */
static bool is_silence(enum errclass class)
{
	return class == ERRCLASS_TIMEOUT || class == ERRCLASS_STALLED;
}

/* Without anything from the server. */
static uint64_t waits_since_ns(const struct slot *slot)
{
	return MAX(atomic_load(&slot->entered_ns), slot->listing ? atomic_load(&slot->progress_ns) : 0);
}

static const struct slot *oldest_inside(const struct supervised *s, bool listings)
{
	const struct arena *arena = s->keeper->arena;
	const struct slot *oldest = NULL;

	for (uint32_t i = 0; i < arena_slots_used(arena); i++) {
		const struct slot *slot = &arena->slots[i];

		if (!atomic_load(&slot->inside) || atomic_load(&slot->backend) != s->index ||
		    (listings && !slot->listing))
			continue;
		if (!oldest || waits_since_ns(slot) < waits_since_ns(oldest))
			oldest = slot;
	}
	return oldest;
}

/* A task that entered after the silence began has not caused it. A probe dates it roughly. */
static bool was_first(const struct supervised *s, const struct slot *slot, enum detector by, uint64_t now_ns)
{
	const struct config *c = s->keeper->config;
	uint64_t silence_ns = MIN(c->deadline.ms[OP_METADATA], c->probe_timeout_ms) * NSEC_PER_MSEC;

	if (by == DETECTOR_PROBE && waits_since_ns(slot) > s->probe.heard_ns + silence_ns / 4)
		return false;
	return waits_since_ns(slot) + silence_ns / 2 <= now_ns;
}

/* Lost with nobody inside: refused users may be innocent. */
static void acquit(struct supervised *s)
{
	bool any = false;

	for (size_t i = 0; i < BOARD_REFUSED_MAX; i++)
		any |= atomic_exchange(&s->board->refused[i], 0) != 0;
	if (!any)
		return;
	memset(&s->charge.charges, 0, sizeof(s->charge.charges));
	log_notice("backend %s: lost without those who are refused: let in again", s->config->name);
}

void charge_suspect(struct supervised *s, enum errclass class, enum detector by, uint64_t now_ns)
{
	bool gorged = atomic_load(&s->board->gorged_epoch) == s->epoch;
	const struct slot *slot = oldest_inside(s, gorged);

	s->charge.suspected = false;
	if (by == DETECTOR_OPERATOR || by == DETECTOR_DRILL || drill_active(s))
		return;
	if (!slot) {
		acquit(s);
		return;
	}
	if (!gorged && (!is_silence(class) || !was_first(s, slot, by, now_ns)))
		return;
	/* Root can do all this in other ways. */
	s->charge.suspect_uid = slot->uid;
	s->charge.suspected = slot->uid != 0;
}

void charge_drop(struct supervised *s)
{
	s->charge.suspected = false;
}

static struct charges_budget budget_of(const struct supervised *s, uint32_t cap, uint64_t window_ms,
				       uint64_t now_ns)
{
	return (struct charges_budget){.cap = cap,
				       .used = caps_count(&s->course.recoveries, window_ms, (int64_t)now_ns)};
}

static void publish_refusal(struct supervised *s, uint32_t uid, uint64_t until_ns)
{
	_Atomic uint64_t *best = &s->board->refused[0];

	for (size_t i = 0; i < BOARD_REFUSED_MAX; i++) {
		uint64_t word = atomic_load(&s->board->refused[i]);

		if (word && board_refused_uid(word) == uid) {
			best = &s->board->refused[i];
			break;
		}
		if (board_refused_until_ns(word) < board_refused_until_ns(atomic_load(best)))
			best = &s->board->refused[i];
	}
	atomic_store(best, board_refused_word(uid, until_ns));
	s->keeper->changed = true;
}

void charge_settle(struct supervised *s, uint64_t now_ns)
{
	const struct config *c = s->keeper->config;
	struct charges_budget hour =
	    budget_of(s, c->recoveries_per_hour ? c->recoveries_per_hour : CHARGES_CAP, HOUR_MS, now_ns);
	struct charges_budget day = budget_of(s, c->recoveries_per_day, DAY_MS, now_ns);
	uint32_t uid = s->charge.suspect_uid;
	uint64_t ms;

	if (!s->charge.suspected)
		return;
	s->charge.suspected = false;
	ms = charges_note(&s->charge.charges, uid, &hour, &day, c->user_share, (int64_t)now_ns);
	if (!ms)
		return;
	publish_refusal(s, uid, now_ns + ms * NSEC_PER_MSEC);
	log_warning("backend %s: lost %u times within the hour over operations of user %u: refused there for "
		    "%llu s",
		    s->config->name, charges_count(&s->charge.charges, uid, HOUR_MS, (int64_t)now_ns), uid,
		    (unsigned long long)(ms / MSEC_PER_SEC));
}
