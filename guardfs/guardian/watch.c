/* watch.c: deadlines. A reply from here needs no agreement with the worker: the kernel takes the first one,
 * and a second gets ENOENT. */
#include "base/clock.h"
#include "fs/wire.h"
#include "guardian/guardian.h"

#include <unistd.h>

static bool is_current(const struct slot *slot, uint64_t unique)
{
	return unique && atomic_load(&slot->answered) != unique;
}

static bool is_late(const struct slot *slot, uint64_t now_ns)
{
	uint64_t deadline_ns = atomic_load(&slot->deadline_ns);
	uint32_t state = atomic_load(&slot->state);

	return atomic_load(&slot->inside) && slot->mutating &&
	       (state == SLOT_ORPHAN || (deadline_ns && deadline_ns <= now_ns));
}

/* How many tasks that change something are inside though their callers have, or are about to get, an answer.
 * Stored before any of those answers goes out: whoever reacts to one finds it. */
static void count_late(struct guardian *g, uint64_t now_ns)
{
	uint32_t late[CONFIG_BACKENDS_MAX] = {0};

	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		const struct slot *slot = &g->arena->slots[i];
		uint32_t b = atomic_load(&slot->backend);

		if (b < CONFIG_BACKENDS_MAX && is_late(slot, now_ns))
			late[b]++;
	}
	for (uint32_t b = 0; b < g->board->config.n_backends; b++)
		if (atomic_load(&g->board->backends[b].late) != late[b])
			atomic_store(&g->board->backends[b].late, late[b]);
}

static void nudge_keeper(void)
{
	uint64_t one = 1;

	if (write(GUARDIAN_NUDGE, &one, sizeof(one)) < 0)
		return; /* full: keeper is awake */
}

/* A timeout answers its own caller, no more. The breaker opens when nothing at all has completed since that
 * request was read. */
static void judge_timeout(struct guardian *g, const struct slot *slot, uint32_t backend)
{
	struct board_backend *b = &g->board->backends[backend];

	board_count(b, COUNT_TIMEOUTS, 1);
	board_count(b, COUNT_ERRORS, 1);
	if (!atomic_load(&slot->inside))
		return;
	if (atomic_load(&b->last_completion_ns) < atomic_load(&slot->read_ns)) {
		if (board_open_gate(g->board, backend, atomic_load(&slot->epoch), ERRCLASS_TIMEOUT))
			nudge_keeper();
	} else if (atomic_exchange(&b->suspect, 1) == 0) {
		nudge_keeper();
	}
}

static void answer(struct guardian *g, struct slot *slot, uint64_t unique)
{
	uint32_t backend = atomic_load(&slot->backend);
	uint8_t out[SLOT_FALLBACK_MAX];
	size_t n = 0;

	if (slot->fallback_length && slot->fallback_length <= sizeof(out)) {
		n = slot->fallback_length;
		memcpy(out, slot->fallback, n);
		if (wire_reply_unique(out) != unique)
			n = 0;
	}
	if (n == 0)
		n = wire_error_reply(out, unique, g->board->config.error);
	if (write(GUARDIAN_DEV, out, n) < 0)
		return; /* ENOENT: it was answered in this very moment */
	atomic_store(&slot->answered, unique);
	if (backend < g->board->config.n_backends)
		judge_timeout(g, slot, backend);
}

/* Answers the slot if its deadline has passed. Returns its deadline if that is still to come, else
 * UINT64_MAX. */
static uint64_t watch_slot(struct guardian *g, struct slot *slot, uint64_t now_ns)
{
	uint32_t state = atomic_load(&slot->state), parked = SLOT_PARKED;
	uint64_t deadline_ns, unique;

	if (state != SLOT_RUNNING && state != SLOT_PARKED)
		return UINT64_MAX;
	deadline_ns = atomic_load(&slot->deadline_ns);
	if (!deadline_ns)
		return UINT64_MAX;
	if (deadline_ns > now_ns)
		return deadline_ns;
	unique = wire_unique(arena_slot_buffer(g->arena, slot));
	if (!is_current(slot, unique))
		return UINT64_MAX;
	if (state == SLOT_PARKED && !atomic_compare_exchange_strong(&slot->state, &parked, SLOT_EXPIRED))
		return now_ns; /* it is being taken up again: look once more */
	answer(g, slot, unique);
	return UINT64_MAX;
}

uint64_t watch_deadlines(struct guardian *g, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	count_late(g, now_ns);
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		uint64_t deadline_ns = watch_slot(g, &g->arena->slots[i], now_ns);

		next_ns = MIN(next_ns, deadline_ns);
	}
	return next_ns;
}

void watch_release_orphans(struct guardian *g)
{
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		struct slot *slot = &g->arena->slots[i];

		if (atomic_load(&slot->state) != SLOT_ORPHAN)
			continue;
		atomic_store(&slot->inside, 0);
		atomic_store(&slot->state, SLOT_EXPIRED); /* worker gives it back */
	}
}
