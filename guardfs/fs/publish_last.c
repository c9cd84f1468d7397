#include "fs/publish_last.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/behind.h"
#include "fs/draft.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/handle_index.h"
#include "fs/node.h"
#include "fs/publish_draft.h"
#include "fs/suspects.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Tries after an error that may pass, over sound connections. */
#define TRIES_MAX 4u
#define RETRY_NS  (250 * NSEC_PER_MSEC)
/* How long requests wait for a draft that is to be tried again. */
#define AWAIT_NS (300 * NSEC_PER_MSEC)

static struct {
	/* Handles with draft_last, by backend; when the waiting ones are tried again (CLOCK_MONOTONIC). */
	_Atomic uint32_t n[CONFIG_BACKENDS_MAX];
	_Atomic uint64_t next_ns[CONFIG_BACKENDS_MAX];
	/* Of a handle, by the thread that has taken it. */
	uint8_t tries[HANDLE_MAX];
} last;

static struct node *node_of(const struct handle *h)
{
	return &fs.arena->nodes[h->node];
}

void publish_last_init(void)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	for (uint32_t i = 0; i < used; i++) {
		struct handle *h = &fs.arena->handles[i];

		if (atomic_load(&h->state) != HANDLE_LIVE || !atomic_load(&h->draft_last))
			continue;
		atomic_store(&h->draft_last, LAST_DUE);
		atomic_store(&h->closing, 1);
		atomic_fetch_add(&last.n[h->backend], 1);
	}
}

/* The file is suspect, if what its writer was told is not so. */
static void tell_lost(struct handle *h, const char *why)
{
	struct draft_content content = {.data = NULL};
	struct ledger ranges = {0};
	struct suspected lost = {.news = SUSPECT_LOST, .error = fs.config->error, .overwrote = true};
	bool known = draft_copy(h, &content) == 0;
	char path[4096];

	if (known && content.size > 0) {
		ledger_put(&ranges, 0, content.size, LEDGER_ACKNOWLEDGED);
		lost.size = content.size;
		lost.ranges = &ranges;
	}
	/* One that was only emptied, or is empty again, has no bytes to lose. */
	if (!draft_is_blank(h) && (!known || content.size > 0))
		suspects_file(&fs.guarded[h->backend], h->node, &lost);
	log_error("%s: its new content was not published: %s; the former version stays",
		  publish_path_of(h, path, sizeof(path)), why);
	free(content.data);
	/* Not once more by the same request, run again. */
	atomic_store(&h->draft_refused, atomic_load(&h->draft_changes));
}

/* NULL: it is or will be published. */
static const char *why_lost(struct handle *h, enum guard_outcome outcome, errint_t rc)
{
	if (outcome == OUTCOME_LOST || rc == 0)
		return NULL;
	if (rc == BACKEND_NODE_GONE)
		return "something else has its name";
	if (rc == GUARD_POISONED)
		return h->snapshot_fd < 0 ? "it was lost with guardian and worker" : NULL;
	if (outcome == OUTCOME_DOUBTED)
		return ++last.tries[handle_number(h)] < TRIES_MAX ? NULL : strerror((int)-rc);
	return strerror((int)-rc);
}

static void settle(struct handle *h)
{
	struct node *node = node_of(h);
	unsigned backend = h->backend; /* the handle may be another's after the next line */

	atomic_store(&h->draft_last, LAST_NONE);
	atomic_fetch_sub(&last.n[backend], 1);
	node_unpin(node);
}

static bool is_owed(const struct backend *b, uint32_t node)
{
	return atomic_load(&b->board->owed_bytes) && behind_is_owed(node, behind_now());
}

/* h is taken. False: later. */
static bool try_taken(struct handle *h)
{
	struct backend *b = &fs.guarded[h->backend];
	enum guard_outcome outcome;
	const char *lost;
	errint_t rc;

	if (is_owed(b, h->node) || guard_visit(b, OP_SYNC, GUARD_TARGET_ALL, h->uid) != VISIT_IN)
		return false;
	rc = publish_draft(b, h, false);
	outcome = guard_end_visit(b, rc, true);
	lost = why_lost(h, outcome, rc);
	if (lost)
		tell_lost(h, lost);
	return rc == 0 || lost;
}

/* Settled: true. */
static bool try_one(struct handle *h)
{
	uint8_t due = LAST_DUE;

	if (!atomic_compare_exchange_strong(&h->draft_last, &due, LAST_TAKEN))
		return false;
	if (try_taken(h)) {
		settle(h);
		return true;
	}
	atomic_store(&last.next_ns[h->backend], clock_mono_ns() + RETRY_NS);
	atomic_store(&h->draft_last, LAST_DUE);
	return false;
}

bool publish_last_is_due(struct handle *h)
{
	uint32_t refused = atomic_load(&h->draft_refused);
	char path[4096];

	if (atomic_load(&h->draft_last))
		return true;
	if (!draft_is_due(h) || h->unlinked != HANDLE_NAMED)
		return false;
	if (draft_is_torn(h)) {
		log_warning("%s: a write to its new content has failed: the former version stays",
			    publish_path_of(h, path, sizeof(path)));
		return false;
	}
	if (!refused)
		return true;
	if (atomic_load(&h->draft_changes) != refused)
		tell_lost(h,
			  "its program was killed, or told of an error, before others had written the rest");
	return false;
}

void publish_last(struct handle *h)
{
	/* Else a second run, after a worker's death: publish_last_init has counted it. */
	if (!atomic_load(&h->draft_last)) {
		node_pin(node_of(h));
		atomic_fetch_add(&last.n[h->backend], 1);
		last.tries[handle_number(h)] = 0;
		atomic_store(&h->draft_last, LAST_DUE);
	}
	handle_retire(h);
	(void)try_one(h); /* else it waits */
}

bool publish_last_has_waiting(unsigned backend)
{
	return atomic_load(&last.n[backend]) && clock_mono_ns() >= atomic_load(&last.next_ns[backend]) &&
	       guard_breaker_is_closed(&fs.guarded[backend]);
}

void publish_last_waiting(unsigned backend)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	atomic_store(&last.next_ns[backend], clock_mono_ns() + RETRY_NS);
	/* No request has it: nobody answers it. */
	call.unique = 1ull << 63;
	for (uint32_t i = 0; i < used && atomic_load(&last.n[backend]); i++) {
		struct handle *h = &fs.arena->handles[i];

		if (atomic_load(&h->state) == HANDLE_LIVE && h->backend == backend && try_one(h))
			handle_finish(h);
	}
}

bool publish_last_waits(void)
{
	for (unsigned b = 0; b < fs.config->n_backends; b++)
		if (atomic_load(&last.n[b]))
			return true;
	return false;
}

void publish_last_give_up(void)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	for (uint32_t i = 0; i < used && publish_last_waits(); i++) {
		struct handle *h = &fs.arena->handles[i];
		uint8_t due = LAST_DUE;

		if (atomic_load(&h->state) != HANDLE_LIVE ||
		    !atomic_compare_exchange_strong(&h->draft_last, &due, LAST_TAKEN))
			continue;
		tell_lost(h, "guardfs has ended");
		settle(h);
	}
}

struct awaited {
	uint64_t now_ns, until_ns;
	bool opens;
};

/* False: it is to be waited for. */
static bool is_nothing_to_await(struct handle *h, void *arg)
{
	const struct awaited *a = arg;
	uint8_t state = atomic_load(&h->draft_last);

	if (state != LAST_NONE)
		return state != LAST_TAKEN && a->now_ns >= a->until_ns;
	return !a->opens || !draft_is_due(h) || !draft_is_blank(h) || atomic_load(&h->closing) ||
	       a->now_ns >= atomic_load(&h->closed_ns) + DRAFT_RELEASE_NS;
}

static void pause_shortly(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	nanosleep(&pause, NULL);
}

errint_t publish_last_await(struct backend *b, uint32_t node, bool opens)
{
	struct awaited a = {.opens = opens};

	if (!opens && !atomic_load(&last.n[b->index]))
		return 0;
	a.now_ns = clock_mono_ns();
	for (a.until_ns = a.now_ns + AWAIT_NS; !handle_index_each(node, is_nothing_to_await, &a);
	     a.now_ns = clock_mono_ns()) {
		if (!guard_breaker_is_closed(b))
			return -ENOTCONN;
		if (call_is_late())
			return GUARD_POISONED;
		pause_shortly();
	}
	return 0;
}
