/* checkpoint.c: see checkpoint.h. The thread has a slot of its own that nobody else sees: its syncs have no caller, and so
 * no deadline. Probes notice a backend in which one hangs. */
#include "fs/checkpoint.h"
#include "base/clock.h"
#include "fs/behind.h"
#include "fs/checkpoint_wait.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/sync_failed.h"
#include "policy/errclass.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

/* The kernel has no such unique. */
#define UNIQUE_OF_SYNC (1ull << 63)
/* After something that another moment may mend. */
#define LATER_NS (NSEC_PER_SEC / 2)

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
	rc = sync_failed_judge(h, rc);
	/* The file was found again meanwhile: it was another descriptor. */
	if (atomic_load(&h->epoch) != epoch)
		return GUARD_POISONED;
	if (rc == 0) {
		handle_synced(h, mark);
		board_count(b->board, COUNT_CHECKPOINTS, 1);
	}
	return rc;
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

/* False: not now. */
static bool sync_open(struct backend *b, struct handle *h)
{
	ssize_t rc;

	if (guard_visit(b, OP_SYNC, guard_target_node(h->node), h->uid) != VISIT_IN)
		return false;
	rc = sync_now(b, h);
	if (guard_end_visit(b, rc, true) == OUTCOME_KNOWN && sync_failed_is(rc))
		sync_failed(b, h, (int)-rc);
	guard_end_request();
	return rc >= 0 || atomic_load(&h->error);
}

/* Those of which a sync met an EIO. True: some wait for the verdict. */
static bool settle_doubts(struct backend *b)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);
	bool waits = false;

	for (uint32_t i = 0; i < used; i++) {
		struct handle *h = &fs.arena->handles[i];

		if (!is_written(h, b->index) || !sync_failed_is_doubted(h) ||
		    !(h = handle_get(handle_id(h, i))))
			continue;
		sync_failed_settle(b, h);
		waits |= sync_failed_is_doubted(h);
		handle_put(h);
	}
	return waits;
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

		if (!is_written(h, backend) || atomic_load(&h->closing) || sync_failed_is_doubted(h))
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
	bool done = false, doubts;

	call.slot = &slots[backend];
	call.buffer = no_request;
	call.unique = UNIQUE_OF_SYNC;
	*due_ns = now_ns + LATER_NS;
	if (!guard_breaker_is_closed(b))
		return false;
	doubts = settle_doubts(b);
	fh = find_due(backend, now_ns, due_ns);
	if (!fh && doubts)
		*due_ns = MIN(*due_ns, now_ns + LATER_NS);
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
		guard_leave_quietly(b, sync_failed_is(rc) ? rc : 0);
	}
	if (rc >= 0 || atomic_load(&h->error))
		return;
	/* Of a lost connection nobody knows; any other error is storage's own. */
	if (!sync_failed_is(rc) || errclass_info(errclass_from_errno((int)-rc))->infrastructure)
		handle_poison(b, h);
	else
		sync_failed(b, h, (int)-rc);
}
