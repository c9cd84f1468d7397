#include "fs/checkpoint.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/behind.h"
#include "fs/checkpoint_wait.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/shares.h"
#include "fs/sync_failed.h"
#include "policy/errclass.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

/* The slot of the thread that syncs is seen by nobody else: its syncs have no caller, hence no deadline.
 * Probes notice a backend in which one hangs. */

/* The kernel has no such unique. */
#define UNIQUE_OF_SYNC (1ull << 63)
/* After something that another moment may mend. */
#define LATER_NS  (NSEC_PER_SEC / 2)
#define UNABLE_NS (10 * NSEC_PER_SEC)
/* The same while closed files wait: they are open at the server meanwhile. */
#define SOON_NS (20 * NSEC_PER_MSEC)

/* So many closed files may wait to be synced. Beyond that each close syncs its own. */
#define CROWD 64u

/* Handles with sync_last, by backend. */
static _Atomic uint32_t n_closed[CONFIG_BACKENDS_MAX];

/* Handles that storage has said it cannot sync: generation, and root_epoch of the connection. */
static _Atomic uint64_t unable[HANDLE_MAX];

static uint64_t here_and_now(const struct handle *h)
{
	return (uint64_t)h->generation << 32 | atomic_load(&fs.board->backends[h->backend].root_epoch);
}

static bool is_written(struct handle *h, unsigned backend)
{
	return atomic_load(&h->state) == HANDLE_LIVE && h->kind == HANDLE_FILE && h->backend == backend &&
	       (h->flags & O_ACCMODE) != O_RDONLY && !h->unlinked && !atomic_load(&h->error) &&
	       !atomic_load(&h->draft) && atomic_load(&unable[handle_number(h)]) != here_and_now(h);
}

/* EINVAL is of the file, the others of storage as a whole. */
static bool is_unable(struct backend *b, struct handle *h, errint_t rc)
{
	if (rc == -EINVAL)
		atomic_store(&unable[handle_number(h)], here_and_now(h));
	else if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		checkpoint_is_unable(b);
	else
		return false;
	return true;
}

/* Within a visit. Where the server cannot be asked to sync the ledger stays. */
static ssize_t sync_now(struct backend *b, struct handle *h)
{
	errint_t rc = handle_ensure(b, h);
	uint32_t mark, epoch;

	if (rc < 0)
		return rc;
	epoch = atomic_load(&h->epoch);
	mark = handle_sync_begins(h);
	rc = b->ops->fsync(b, atomic_load(&h->fd), false);
	if (is_unable(b, h, rc))
		return 0;
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

/* In use, its node held; NULL: no longer open. */
static struct handle *take_open(uint64_t fh, struct node **node)
{
	struct handle *h = handle_get(fh);

	/* Held first, as in sync_file (fs/sync.c). */
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

bool checkpoint_is_left(struct handle *h)
{
	return checkpoint_is_on(h->backend) && is_written(h, h->backend) && handle_unsynced(h) > 0 &&
	       !behind_is_owed(h->node, UINT64_MAX);
}

bool checkpoint_is_crowded(struct handle *h)
{
	return h->backend < CONFIG_BACKENDS_MAX && atomic_load(&n_closed[h->backend]) >= CROWD &&
	       checkpoint_is_left(h);
}

errint_t checkpoint_at_close(struct backend *b, struct handle *h, bool data_only)
{
	uint32_t mark = handle_sync_begins(h);
	errint_t rc = b->ops->fsync(b, atomic_load(&h->fd), data_only);

	if (is_unable(b, h, rc))
		return b->ops->flush(b, atomic_load(&h->fd));
	rc = sync_failed_judge(h, rc);
	if (rc == 0)
		handle_synced(h, mark);
	return rc;
}

static void forget_closed(struct handle *h)
{
	atomic_store(&h->sync_last, SYNC_NONE);
	atomic_fetch_sub(&n_closed[h->backend], 1);
	node_unpin(&fs.arena->nodes[h->node]);
}

void checkpoint_init(void)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	for (uint32_t i = 0; i < used; i++) {
		struct handle *h = &fs.arena->handles[i];

		if (atomic_load(&h->state) != HANDLE_LIVE || !atomic_load(&h->sync_last))
			continue;
		atomic_fetch_add(&n_closed[h->backend], 1);
		atomic_store(&h->closing, 1);
		atomic_store(&h->sync_last, SYNC_DUE);
		/* By another configuration nobody syncs it. */
		if (!checkpoint_is_set(h->backend))
			forget_closed(h);
	}
}

void checkpoint_closes(struct handle *h)
{
	uint8_t none = SYNC_NONE;

	node_pin(&fs.arena->nodes[h->node]);
	if (atomic_compare_exchange_strong(&h->sync_last, &none, SYNC_DUE))
		atomic_fetch_add(&n_closed[h->backend], 1);
	else
		node_unpin(&fs.arena->nodes[h->node]);
}

static bool take_closed(struct handle *h)
{
	uint8_t due = SYNC_DUE;

	return atomic_compare_exchange_strong(&h->sync_last, &due, SYNC_TAKEN);
}

/* After a try of who has taken it. True: it is over. */
static bool settle_closed(struct backend *b, struct handle *h, ssize_t rc)
{
	if (rc < 0 && !atomic_load(&h->error)) {
		if (rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM) {
			atomic_store(&h->sync_last, SYNC_DUE);
			return false;
		}
		/* Of a lost connection nobody knows; any other error is storage's own. */
		if (!sync_failed_is(rc) || errclass_info(errclass_from_errno((int)-rc))->infrastructure)
			handle_poison(b, h);
		else
			sync_failed(b, h, (int)-rc);
	}
	forget_closed(h);
	return true;
}

void checkpoint_last(struct handle *h)
{
	struct backend *b = &fs.guarded[h->backend];
	ssize_t rc;

	if (!take_closed(h))
		return;
	if (!guard_enter_quietly(b, guard_target_node(h->node), h->uid)) {
		atomic_store(&h->sync_last, SYNC_DUE);
		checkpoint_note(b->index, 0, 1);
		return;
	}
	rc = sync_now(b, h);
	guard_leave_quietly(b, sync_failed_is(rc) ? rc : 0);
	(void)settle_closed(b, h, rc);
}

/* Of a closed one. False: removed or lost since, or nobody can sync it. */
static bool is_to_be_synced(struct handle *h)
{
	return is_written(h, h->backend) && checkpoint_is_on(h->backend);
}

/* h, in use, is the caller's thread's. False: not now. */
static bool sync_closed(struct backend *b, struct handle *h)
{
	ssize_t rc;

	if (!take_closed(h))
		return true;
	if (!is_to_be_synced(h))
		return settle_closed(b, h, 0);
	if (guard_visit(b, OP_SYNC, guard_target_node(h->node), h->uid) != VISIT_IN) {
		atomic_store(&h->sync_last, SYNC_DUE);
		return false;
	}
	rc = sync_now(b, h);
	(void)guard_end_visit(b, rc, true);
	guard_end_request();
	return settle_closed(b, h, rc);
}

bool checkpoint_waits(void)
{
	for (unsigned b = 0; b < fs.config->n_backends; b++)
		if (atomic_load(&n_closed[b]))
			return true;
	return false;
}

void checkpoint_give_up(void)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	for (uint32_t i = 0; i < used && checkpoint_waits(); i++) {
		struct handle *h = handle_get(handle_id(&fs.arena->handles[i], i));

		if (!h)
			continue;
		if (take_closed(h))
			(void)settle_closed(&fs.guarded[h->backend], h,
					    is_to_be_synced(h) ? GUARD_POISONED : 0);
		/* Another's sync is under way, and nobody will hear of its end. */
		else if (atomic_load(&h->sync_last) && is_to_be_synced(h))
			handle_poison(&fs.guarded[h->backend], h);
		/* In use for good: the last one would close it, and a close may hang before the next file is
		 * named. */
	}
}

/* Handles of which a sync met an EIO. True: some wait for the verdict. */
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

static bool is_closed(const struct handle *h, unsigned backend)
{
	return atomic_load(&h->state) == HANDLE_LIVE && h->backend == backend &&
	       atomic_load(&h->sync_last) == SYNC_DUE;
}

/* Files that cannot be synced now; or all of a user's, whose share of the backend is full. */
#define PASSED_MAX 16u
struct passed {
	uint32_t n;
	struct {
		uint64_t fh; /* 0: the user's */
		uid_t user;
	} of[PASSED_MAX];
};

static bool is_passed(const struct passed *passed, uint64_t fh, uid_t user)
{
	for (uint32_t i = 0; i < passed->n; i++)
		if (passed->of[i].fh == fh || (!passed->of[i].fh && passed->of[i].user == user))
			return true;
	return false;
}

static void pass_by(struct passed *passed, unsigned backend, uint64_t fh, uid_t user)
{
	passed->of[passed->n].fh = shares_has_place(backend, user) ? fh : 0;
	passed->of[passed->n++].user = user;
}

/* The one that has waited longest and is not passed; 0: none is due before *due_ns. */
static uint64_t find_due(unsigned backend, uint64_t now_ns, const struct passed *passed, uint64_t *due_ns,
			 uid_t *user)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);
	uint64_t oldest = 0, oldest_ns = UINT64_MAX;
	bool is_on = checkpoint_is_on(backend);

	*due_ns = UINT64_MAX;
	for (uint32_t i = 0; i < used; i++) {
		struct handle *h = &fs.arena->handles[i];
		uint64_t unsynced, since_ns;
		bool closed = is_closed(h, backend);

		if (!closed && (!is_on || !is_written(h, backend) || atomic_load(&h->closing) ||
				sync_failed_is_doubted(h)))
			continue;
		unsynced = handle_unsynced_since(h, &since_ns);
		if ((closed || checkpoint_is_due(backend, unsynced, since_ns, now_ns, due_ns)) &&
		    since_ns < oldest_ns && !is_passed(passed, handle_id(h, i), h->uid)) {
			oldest_ns = since_ns;
			oldest = handle_id(h, i);
			*user = h->uid;
		}
	}
	return oldest;
}

/* False: not now. */
static bool sync_due(struct backend *b, uint64_t fh)
{
	struct handle *h = handle_get(fh);
	struct node *node;
	bool done;

	if (h && atomic_load(&h->sync_last)) {
		done = sync_closed(b, h);
		handle_put(h);
		return done;
	}
	if (h)
		handle_put(h);
	h = take_open(fh, &node);
	if (!h)
		return true;
	done = sync_open(b, h);
	let_go(h, node);
	return done;
}

static bool tell_unable(const struct backend *b)
{
	static bool is_told[CONFIG_BACKENDS_MAX];

	if (!checkpoint_is_set(b->index) || checkpoint_is_on(b->index))
		return false;
	if (!is_told[b->index])
		log_warning(
		    "backend %s: its server cannot be asked to sync files (guardctl doctor): checkpoint = "
		    "does nothing",
		    b->config->name);
	is_told[b->index] = true;
	return true;
}

bool checkpoint_step(unsigned backend, uint64_t *due_ns)
{
	static struct slot slots[CONFIG_BACKENDS_MAX];
	static _Alignas(8) uint8_t no_request[256];
	struct backend *b = &fs.guarded[backend];
	uint64_t now_ns = clock_mono_ns(), fh;
	struct passed passed = {.n = 0};
	uid_t user = 0;
	bool doubts;

	call.slot = &slots[backend];
	call.buffer = no_request;
	call.unique = UNIQUE_OF_SYNC;
	*due_ns = now_ns + LATER_NS;
	if (!guard_breaker_is_closed(b))
		return false;
	doubts = settle_doubts(b);
	while ((fh = find_due(backend, now_ns, &passed, due_ns, &user)) != 0) {
		if (sync_due(b, fh))
			return true;
		*due_ns = now_ns + LATER_NS;
		if (passed.n == PASSED_MAX || !guard_breaker_is_closed(b))
			return false;
		pass_by(&passed, backend, fh, user);
	}
	/* Another connection may lead to another server. */
	if (tell_unable(b))
		*due_ns = MIN(*due_ns, now_ns + UNABLE_NS);
	if (passed.n || doubts)
		*due_ns = MIN(*due_ns, now_ns + (atomic_load(&n_closed[backend]) ? SOON_NS : LATER_NS));
	return false;
}

void checkpoint_run(unsigned backend)
{
	uint64_t due_ns;

	for (;;)
		if (!checkpoint_step(backend, &due_ns))
			checkpoint_wait(backend, due_ns);
}
