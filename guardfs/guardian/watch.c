/* Deadlines, without agreement with the worker: the kernel takes the first reply, the second gets ENOENT. */
#include "base/clock.h"
#include "fs/wire.h"
#include "guardian/guardian.h"
#include "policy/progress.h"

#include <errno.h>
#include <unistd.h>

#define WATCH_SLICE_MS 20

static bool is_current(const struct slot *slot, uint64_t unique)
{
	return unique && atomic_load(&slot->answered) != unique;
}

/* Counts mutating tasks inside whose callers were, or will now be, answered. Stored before those answers: their
 * receivers find it. */
static void count_late(struct guardian *g, uint64_t now_ns)
{
	uint32_t late[CONFIG_BACKENDS_MAX] = {0};

	for (uint32_t i = 0; i < arena_slots_used(g->arena); i++) {
		const struct slot *slot = &g->arena->slots[i];
		uint32_t b = atomic_load(&slot->backend);

		if (b < CONFIG_BACKENDS_MAX && atomic_load(&slot->inside) && slot->mutating &&
		    slot_is_late(slot, wire_unique(g->arena->buffers[i]), now_ns))
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

/* Last completion, or bytes received: a listing completes nothing. */
static uint64_t last_sign_ns(const struct board_backend *b)
{
	return MAX(atomic_load(&b->last_completion_ns), atomic_load(&b->received_ns));
}

/* Keeper watches a transport on request; short listings are not worth it. */
static void have_watched(struct guardian *g, const struct slot *slot, uint64_t silence_ns, uint64_t now_ns)
{
	struct board_backend *b = &g->board->backends[atomic_load(&slot->backend)];

	if (now_ns >= atomic_load(&slot->read_ns) + silence_ns / 8 && atomic_load(&slot->inside) &&
	    atomic_exchange(&b->watched, 1) == 0)
		nudge_keeper();
}

/* Of a running slot; a listing's moves on while entries, or bytes, come. */
static uint64_t due_ns(struct guardian *g, const struct slot *slot, uint64_t now_ns)
{
	uint64_t deadline_ns = atomic_load(&slot->deadline_ns), silence_ns, sign_ns;
	uint32_t backend = atomic_load(&slot->backend);
	const struct config *config = &g->board->config;

	if (!deadline_ns || !slot->listing || backend >= config->n_backends)
		return deadline_ns;
	silence_ns = config->deadline.ms[OP_METADATA] * NSEC_PER_MSEC;
	have_watched(g, slot, silence_ns, now_ns);
	sign_ns = MAX(atomic_load(&slot->progress_ns), atomic_load(&g->board->backends[backend].received_ns));
	return progress_due_ns(atomic_load(&slot->read_ns), sign_ns, silence_ns,
			       config->listing_ms * NSEC_PER_MSEC);
}

/* Copied: an answered slot may get another request. */
struct due {
	uint64_t read_ns;
	uint32_t backend, epoch, op_class, pid, job;
	bool inside;
};

/* The breaker opens if nothing has completed since that request was read. */
static void judge_timeout(struct guardian *g, const struct due *due)
{
	struct board_backend *b = &g->board->backends[due->backend];

	board_count(b, COUNT_TIMEOUTS, 1);
	board_count(b, COUNT_ERRORS, 1);
	board_hurt(b, due->pid, false);
	job_error(&g->arena->jobs, due->job, ERRCLASS_TIMEOUT, clock_real_ns());
	if (due->op_class < OP_CLASS_COUNT)
		histogram_add(&b->latency[due->op_class], clock_mono_ns() - due->read_ns);
	if (!due->inside)
		return;
	if (last_sign_ns(b) < due->read_ns) {
		if (board_trip_breaker(g->board, due->backend, due->epoch, ERRCLASS_TIMEOUT,
				       DETECTOR_GUARDIAN))
			nudge_keeper();
	} else if (atomic_exchange(&b->suspect, 1) == 0) {
		nudge_keeper();
	}
}

/* For a late task: something may have completed after it was read (as from sshfs's cache), then nothing. Returns
 * the next look. */
static uint64_t judge_stall(struct guardian *g, const struct slot *slot, uint64_t now_ns)
{
	uint32_t backend = atomic_load(&slot->backend);
	uint64_t last_ns, silent_from_ns;

	if (backend >= g->board->config.n_backends || !atomic_load(&slot->inside) ||
	    slot->op_class >= OP_CLASS_COUNT)
		return UINT64_MAX;
	last_ns = MAX(last_sign_ns(&g->board->backends[backend]), atomic_load(&slot->read_ns));
	silent_from_ns = last_ns + g->board->config.deadline.ms[slot->op_class] * NSEC_PER_MSEC;
	if (silent_from_ns > now_ns)
		return silent_from_ns;
	if (board_trip_breaker(g->board, backend, atomic_load(&slot->epoch), ERRCLASS_TIMEOUT,
			       DETECTOR_GUARDIAN))
		nudge_keeper();
	return UINT64_MAX;
}

static size_t make_reply(struct guardian *g, const struct slot *slot, uint64_t unique, uint8_t *out)
{
	uint32_t n = slot->fallback_length;

	if (n && n <= SLOT_FALLBACK_MAX) {
		memcpy(out, slot->fallback, n);
		if (wire_reply_unique(out) == unique)
			return n;
	}
	return wire_error_reply(out, unique, g->board->config.error);
}

static uint32_t caller_of(struct guardian *g, const struct slot *slot)
{
	struct wire_request r;

	return wire_parse(arena_slot_buffer(g->arena, slot), slot->length, &r) == 0 ? r.pid : 0;
}

/* `answered` goes first (docs/LOCKING.md). False: try again. */
static bool answer_due(struct guardian *g, struct slot *slot, uint64_t unique)
{
	const struct due due = {.read_ns = atomic_load(&slot->read_ns),
				.backend = atomic_load(&slot->backend),
				.epoch = atomic_load(&slot->epoch),
				.op_class = slot->op_class,
				.pid = caller_of(g, slot),
				.job = atomic_load(&slot->job),
				.inside = atomic_load(&slot->inside)};
	uint8_t out[SLOT_FALLBACK_MAX];
	size_t n = make_reply(g, slot, unique, out);

	atomic_store(&slot->answered, unique);
	if (write(GUARDIAN_DEV, out, n) < 0) {
		if (errno == ENOENT)
			return true;
		atomic_store(&slot->answered, 0);
		return false;
	}
	if (due.backend < g->board->config.n_backends)
		judge_timeout(g, &due);
	return true;
}

/* EXPIRING holds a parked slot during the look: no worker takes it up. */
static void expire_parked(struct guardian *g, struct slot *slot, uint64_t now_ns)
{
	uint32_t parked = SLOT_PARKED;
	uint64_t unique, deadline_ns;
	bool done;

	if (!atomic_compare_exchange_strong(&slot->state, &parked, SLOT_EXPIRING))
		return; /* being taken up */
	unique = wire_unique(arena_slot_buffer(g->arena, slot));
	deadline_ns = atomic_load(&slot->deadline_ns);
	if (!deadline_ns || deadline_ns > now_ns)
		done = false; /* another request is parked there */
	else
		done = !is_current(slot, unique) || answer_due(g, slot, unique);
	atomic_store(&slot->state, done ? SLOT_EXPIRED : SLOT_PARKED);
}

/* Returns a coming deadline, else UINT64_MAX. */
static uint64_t watch_slot(struct guardian *g, struct slot *slot, uint64_t now_ns)
{
	uint32_t state = atomic_load(&slot->state);
	uint64_t deadline_ns, unique;

	if (state != SLOT_RUNNING && state != SLOT_PARKED)
		return UINT64_MAX;
	/* unique before the deadline: docs/LOCKING.md. */
	unique = wire_unique(arena_slot_buffer(g->arena, slot));
	deadline_ns = state == SLOT_RUNNING ? due_ns(g, slot, now_ns) : atomic_load(&slot->deadline_ns);
	if (!deadline_ns)
		return UINT64_MAX;
	if (deadline_ns > now_ns)
		return deadline_ns;
	if (state == SLOT_PARKED) {
		expire_parked(g, slot, now_ns);
		return UINT64_MAX;
	}
	if (is_current(slot, unique))
		answer_due(g, slot, unique);
	return judge_stall(g, slot, now_ns);
}

uint64_t watch_deadlines(struct guardian *g, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	count_late(g, now_ns);
	for (uint32_t i = 0; i < arena_slots_used(g->arena); i++) {
		uint64_t deadline_ns = watch_slot(g, &g->arena->slots[i], now_ns);

		next_ns = MIN(next_ns, deadline_ns);
	}
	return next_ns;
}

bool watch_while(struct guardian *g, struct pollfd *p, unsigned timeout_ms)
{
	uint64_t until_ns = clock_mono_ns() + timeout_ms * NSEC_PER_MSEC;

	while (clock_mono_ns() < until_ns) {
		if (poll(p, 1, WATCH_SLICE_MS) > 0)
			return true;
		watch_deadlines(g, clock_mono_ns());
	}
	return false;
}

void watch_release_orphans(struct guardian *g)
{
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		uint32_t orphan = SLOT_ORPHAN;

		/* A starting worker may free it now. Freeing clears `inside`. */
		atomic_compare_exchange_strong(&g->arena->slots[i].state, &orphan, SLOT_EXPIRED);
	}
}

void watch_settle(struct guardian *g)
{
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		struct slot *slot = &g->arena->slots[i];

		if (atomic_load(&slot->state) == SLOT_EXPIRING)
			atomic_store(&slot->state,
				     is_current(slot, wire_unique(arena_slot_buffer(g->arena, slot)))
					 ? SLOT_PARKED
					 : SLOT_EXPIRED);
	}
}
