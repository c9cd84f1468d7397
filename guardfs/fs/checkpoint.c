/* checkpoint.c: see checkpoint.h. The thread has a slot of its own that nobody else sees: its syncs have no caller, and so
 * no deadline. Probes notice a backend in which one hangs. */
#include "fs/checkpoint.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/behind.h"
#include "fs/checkpoint_wait.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "policy/errclass.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

/* The kernel has no such unique. */
#define UNIQUE_OF_SYNC (1ull << 63)
/* After something that another moment may mend. */
#define LATER_NS (NSEC_PER_SEC / 2)

/* A sync met EIO: a probe's verdict tells whether the backend is sound. By backend. */
static struct doubt_of_sync {
	uint64_t fh; /* 0: none */
	uint32_t epoch, verdict;
} doubts[CONFIG_BACKENDS_MAX];

static bool is_written(struct handle *h, unsigned backend)
{
	return atomic_load(&h->state) == HANDLE_LIVE && h->kind == HANDLE_FILE && h->backend == backend &&
	       (h->flags & O_ACCMODE) != O_RDONLY && !h->unlinked && !atomic_load(&h->error) &&
	       !atomic_load(&h->draft);
}

/* ---- one sync ---- */

/* Within a visit. Of a server that cannot be asked to sync (guardctl doctor says so) nothing better is to be had. */
static ssize_t sync_now(struct backend *b, struct handle *h)
{
	errint_t rc = handle_ensure(b, h);
	uint32_t mark, epoch;

	if (rc < 0)
		return rc;
	epoch = atomic_load(&h->epoch);
	mark = handle_sync_begins(h);
	rc = b->ops->fsync(b, atomic_load(&h->fd), false);
	if (rc == -ENOSYS || rc == -EINVAL || rc == -EOPNOTSUPP)
		rc = 0;
	/* The file was found again meanwhile: it was another descriptor. */
	if (atomic_load(&h->epoch) != epoch)
		return GUARD_POISONED;
	if (rc == 0) {
		handle_synced(h, mark);
		board_count(b->board, COUNT_CHECKPOINTS, 1);
	}
	return rc;
}

static bool is_ours(ssize_t rc)
{
	return rc == GUARD_POISONED || rc == BACKEND_NODE_GONE || rc == -EMFILE || rc == -ENFILE ||
	       rc == -ENOMEM;
}

static void tell_failed(struct backend *b, struct handle *h, int error)
{
	struct ledger unsynced = {0}, doubtful = {0};
	char path[4096];

	(void)handle_add_unsynced(h, &unsynced);
	/* No server gives twice what it has said of a sync. */
	for (uint32_t i = 0; i < unsynced.n; i++)
		ledger_put(&doubtful, unsynced.ranges[i].from, unsynced.ranges[i].to, LEDGER_WRITTEN);
	behind_give_up(b->index, h->node, UINT64_MAX, error);
	handle_lost(b, h->node, error, &doubtful);
	log_error("backend %s: %s could not be synced: %s", b->config->name,
		  node_last_path(h->node, path, sizeof(path)) < 0 ? "a file whose name is not known any more"
								  : path,
		  strerror(error));
}

/* ---- open files ---- */

/* In use, its node held; NULL: it is not open any more. */
static struct handle *take_open(uint64_t fh, struct node **node)
{
	struct handle *h = handle_get(fh);

	/* A node held before the file is seen open is the right one. */
	*node = h ? node_hold(node_id(&fs.arena->nodes[h->node], h->node)) : NULL;
	if (*node && !atomic_load(&h->closing))
		return h;
	if (*node)
		node_unpin(*node);
	if (h)
		handle_put(h);
	return NULL;
}

static void let_go(struct handle *h, struct node *node)
{
	node_unpin(node);
	handle_put(h);
}

static bool is_connection(const struct backend *b, uint32_t epoch)
{
	uint64_t breaker = atomic_load(&b->board->breaker);

	return breaker_is_closed(breaker) && breaker_epoch(breaker) == epoch;
}

/* A failure stands once a probe has found the same connection sound. */
static bool is_doubt_over(struct backend *b, struct doubt_of_sync *doubt)
{
	struct node *node;
	struct handle *h;

	if (!doubt->fh)
		return true;
	if (is_connection(b, doubt->epoch) &&
	    (int32_t)(atomic_load(&b->board->verdicts) - doubt->verdict) < 0)
		return false;
	h = is_connection(b, doubt->epoch) ? take_open(doubt->fh, &node) : NULL;
	doubt->fh = 0;
	if (!h)
		return true;
	if (!atomic_load(&h->error))
		tell_failed(b, h, fs.config->error);
	let_go(h, node);
	return true;
}

static void settle_sync(struct backend *b, struct handle *h, enum guard_outcome outcome, ssize_t rc,
			uint32_t epoch)
{
	struct doubt_of_sync *doubt = &doubts[b->index];

	if (outcome == OUTCOME_DOUBTED) {
		doubt->fh = handle_id(h, handle_number(h));
		doubt->epoch = epoch;
		doubt->verdict = atomic_load(&b->board->verdicts) + 1;
	} else if (outcome == OUTCOME_KNOWN && rc < 0 && !is_ours(rc)) {
		tell_failed(b, h, (int)-rc);
	}
}

/* False: not now. */
static bool sync_open(struct backend *b, struct handle *h)
{
	ssize_t rc;

	if (guard_visit(b, OP_SYNC, guard_target_node(h->node), h->uid) != VISIT_IN)
		return false;
	rc = sync_now(b, h);
	settle_sync(b, h, guard_end_visit(b, rc, true), rc, atomic_load(&call.slot->epoch));
	guard_end_request();
	return rc >= 0 || atomic_load(&h->error);
}

/* The one that has waited longest; 0: none is due before *due_ns. */
static uint64_t find_due(unsigned backend, uint64_t now_ns, uint64_t *due_ns)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);
	uint64_t oldest = 0, oldest_ns = UINT64_MAX;

	*due_ns = UINT64_MAX;
	for (uint32_t i = 0; i < used; i++) {
		struct handle *h = &fs.arena->handles[i];
		uint64_t unsynced, since_ns;

		if (!is_written(h, backend) || atomic_load(&h->closing))
			continue;
		unsynced = handle_unsynced_since(h, &since_ns);
		if (checkpoint_is_due(backend, unsynced, since_ns, now_ns, due_ns) && since_ns < oldest_ns) {
			oldest_ns = since_ns;
			oldest = handle_id(h, i);
		}
	}
	return oldest;
}

bool checkpoint_step(unsigned backend, uint64_t *due_ns)
{
	static struct slot slots[CONFIG_BACKENDS_MAX];
	static _Alignas(8) uint8_t no_request[256];
	struct backend *b = &fs.guarded[backend];
	uint64_t now_ns = clock_mono_ns(), fh;
	struct node *node;
	struct handle *h;
	bool done = false;

	call.slot = &slots[backend];
	call.buffer = no_request;
	call.unique = UNIQUE_OF_SYNC;
	*due_ns = now_ns + LATER_NS;
	if (!guard_breaker_is_closed(b) || !is_doubt_over(b, &doubts[backend]))
		return false;
	fh = find_due(backend, now_ns, due_ns);
	if (!fh)
		return false;
	*due_ns = now_ns + LATER_NS;
	h = take_open(fh, &node);
	if (!h)
		return true;
	done = sync_open(b, h);
	let_go(h, node);
	return done;
}

void checkpoint_run(unsigned backend)
{
	uint64_t due_ns;

	for (;;)
		if (!checkpoint_step(backend, &due_ns))
			checkpoint_wait(backend, due_ns);
}

/* ---- closed files ---- */

bool checkpoint_is_left(struct handle *h)
{
	return checkpoint_is_on(h->backend) && is_written(h, h->backend) && handle_unsynced(h) > 0 &&
	       !behind_is_owed(h->node, UINT64_MAX);
}

/* True: in a visit that guard_leave_quietly ends. A full backend is waited for. */
static bool enter_patiently(struct backend *b, const struct handle *h)
{
	const struct timespec moment = {.tv_nsec = 5000000};
	uint64_t until_ns = clock_mono_ns() + fs.config->deadline.ms[OP_SYNC] * NSEC_PER_MSEC;

	while (!guard_enter_quietly(b, guard_target_node(h->node), h->uid)) {
		if (!guard_breaker_is_closed(b) || clock_mono_ns() >= until_ns)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

void checkpoint_last(struct handle *h)
{
	struct backend *b = &fs.guarded[h->backend];
	ssize_t rc = GUARD_POISONED;

	if (enter_patiently(b, h)) {
		rc = sync_now(b, h);
		guard_leave_quietly(b, is_ours(rc) ? 0 : rc);
	}
	if (rc >= 0 || atomic_load(&h->error))
		return;
	/* Of a lost connection nobody knows; any other error is storage's own. */
	if (is_ours(rc) || errclass_info(errclass_from_errno((int)-rc))->infrastructure)
		handle_poison(b, h);
	else
		tell_failed(b, h, (int)-rc);
}
