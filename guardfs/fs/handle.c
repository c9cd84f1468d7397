#include "fs/handle.h"
#include "base/clock.h"
#include "base/cleanup.h"
#include "fs/context.h"
#include "fs/guard.h"
#include "fs/handle_index.h"
#include "fs/node.h"
#include "fs/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct {
	/* Of the free list and high-water mark. */
	pthread_mutex_t lock;
	/* HANDLE_MAX: end. */
	uint32_t free_head;
	uint32_t next_free[HANDLE_MAX];
	/* A released handle could not be closed. */
	_Atomic bool unclosed[CONFIG_BACKENDS_MAX];
} handles;

static void push_free(uint32_t i)
{
	handles.next_free[i] = handles.free_head;
	handles.free_head = i;
}

/* Opens whose worker died unanswered: the kernel never releases them. */
static void abandon_unanswered(uint32_t used)
{
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		struct slot *slot = &fs.arena->slots[i];
		uint32_t state = atomic_load(&slot->state), h = slot->handle;

		if ((state != SLOT_READING && state != SLOT_RUNNING) || h == 0 || h > used)
			continue;
		slot->handle = 0;
		if (wire_unique(fs.arena->buffers[i]) && !atomic_load(&slot->reply_length))
			atomic_store(&fs.arena->handles[h - 1].closing, 1);
	}
}

/* The last worker may have died amid an open or release. */
static void recount_opens(uint32_t used)
{
	for (uint32_t n = 0; n < atomic_load(&fs.arena->nodes_used); n++)
		fs.arena->nodes[n].opens = 0;
	for (uint32_t i = 0; i < used; i++) {
		const struct handle *h = &fs.arena->handles[i];

		if (atomic_load(&h->state) == HANDLE_LIVE && h->passthrough)
			fs.arena->nodes[h->node].opens++;
	}
	for (uint32_t n = 0; n < atomic_load(&fs.arena->nodes_used); n++) {
		struct node *node = &fs.arena->nodes[n];

		if (node->opens == 0 && node->backing_id) {
			wire_backing_close(fs.dev_fd, node->backing_id);
			node->backing_id = 0;
		}
	}
}

errint_t handle_init(void)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	pthread_mutex_init(&handles.lock, NULL);
	handle_index_init();
	handles.free_head = HANDLE_MAX;
	abandon_unanswered(used);
	for (uint32_t i = used; i-- > 0;) {
		struct handle *h = &fs.arena->handles[i];

		/* Tasks of dead workers hold the file within the kernel. */
		atomic_store(&h->users, 0);
		if (atomic_load(&h->state) == HANDLE_LIVE) {
			handle_mend_ledger(h);
			handle_count_again(h);
			handle_index_add(h);
		}
		if (atomic_load(&h->state) != HANDLE_LIVE) {
			push_free(i);
		} else if (atomic_load(&h->closing)) {
			/* A sweep closes it. */
			atomic_store(&h->closing, 1);
			h->passthrough = 0;
		}
	}
	recount_opens(used);
	return 0;
}

struct handle *handle_new(uint32_t node, enum handle_kind kind, uint8_t backend, int flags, int ref,
			  uint32_t epoch, enum handle_name name)
{
	struct handle *h;
	uint32_t i;

	{
		ACQUIRE_LOCK(&handles.lock);
		i = handles.free_head;
		if (i != HANDLE_MAX) {
			handles.free_head = handles.next_free[i];
		} else {
			i = atomic_load(&fs.arena->handles_used);
			if (i >= HANDLE_MAX)
				return NULL;
			atomic_store(&fs.arena->handles_used, i + 1);
		}
	}
	h = &fs.arena->handles[i];
	h->generation++;
	h->node = node;
	h->kind = (uint8_t)kind;
	h->backend = backend;
	h->flags = (uint32_t)(flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY));
	atomic_store(&h->fd, ref);
	atomic_store(&h->epoch, epoch);
	atomic_store(&h->other, 0);
	/* users is zero, but for a look in passing (handle_find). */
	atomic_store(&h->closing, 0);
	atomic_store(&h->error, 0);
	atomic_store(&h->sync_doubt, 0);
	h->unlinked = (uint8_t)name;
	atomic_store(&h->stray_read, 0);
	atomic_store(&h->perhaps_replaced, 0);
	h->passthrough = 0;
	h->snapshot_fd = -1;
	handle_count(h);
	h->known_end = 0;
	h->unsynced_bytes = 0;
	h->unsynced_since_ns = h->sync_began_ns = 0;
	h->unsynced = (struct ledger){0};
	h->content = (struct content){0};
	h->compared.epoch = 0;
	h->overwrote = 0;
	atomic_store(&h->ledger_changing, 0);
	atomic_store(&h->flushed, 0);
	atomic_store(&h->closed_ns, 0);
	atomic_store(&h->tail_length, 0);
	atomic_store(&h->appended_unique, 0);
	atomic_store(&h->taken_unique, 0);
	h->mtime_ns = 0;
	atomic_store(&h->draft, DRAFT_NONE);
	atomic_store(&h->draft_published, 0);
	atomic_store(&h->draft_synced, 0);
	atomic_store(&h->draft_last, LAST_NONE);
	atomic_store(&h->sync_last, SYNC_NONE);
	h->is_statefile = 0;
	atomic_store(&h->draft_cut, 0);
	atomic_store(&h->job, JOB_NONE);
	/* A successor closes it unless an answer is decided on. */
	if (call.slot)
		call.slot->handle = i + 1;
	handle_index_add(h);
	atomic_store(&h->state, HANDLE_LIVE);
	return h;
}

struct handle *handle_get(uint64_t fh)
{
	struct handle *h = arena_handle(fs.arena, fh);

	if (h)
		atomic_fetch_add(&h->users, 1);
	return h;
}

static errint_t release_fd(struct backend *b, int fd)
{
	if (fd < 0)
		return 0;
	if (b->board)
		return b->ops->release(b, fd);
	return close(fd) < 0 ? -errno : 0;
}

/* No task uses the descriptors again, but a sweep may find them. Returns either error. */
static errint_t release_fds(struct backend *b, struct handle *h)
{
	int fd = atomic_exchange(&h->fd, -1), other = handle_other_fd(atomic_exchange(&h->other, 0));
	errint_t rc = release_fd(b, fd), rc_other = release_fd(b, other);

	return rc < 0 ? rc : rc_other;
}

/* False: the backend is down, and a close would reach it (FUSE flushes). */
static bool close_and_free(struct handle *h)
{
	struct backend *b =
	    h->backend == NODE_LOCAL || h->backend == NODE_VIRTUAL ? &fs.local : &fs.guarded[h->backend];
	bool quietly = b->board && (atomic_load(&h->fd) >= 0 || atomic_load(&h->other)) &&
		       atomic_load(&h->epoch) == breaker_epoch(atomic_load(&b->board->breaker));
	errint_t rc;

	if (quietly && !guard_enter_quietly(b, guard_target_node(h->node), h->uid))
		return false;
	rc = release_fds(b, h);
	if (quietly)
		guard_leave_quietly(b, rc);
	if (h->snapshot_fd >= 0) {
		int fd = h->snapshot_fd;

		h->snapshot_fd = -1;
		close(fd);
	}
	handle_uncount(h);
	handle_index_remove(h);
	atomic_store(&h->state, HANDLE_FREE);
	ACQUIRE_LOCK(&handles.lock);
	push_free(handle_number(h));
	return true;
}

/* closing: 0 open, 1 released, 2 being freed by the thread that set it. */
static void free_if_released(struct handle *h)
{
	uint32_t released = 1;

	/* One still to be published (fs/publish_last.h) or synced (fs/checkpoint.h) stays. */
	if (atomic_load(&h->users) != 0 || atomic_load(&h->draft_last) || atomic_load(&h->sync_last) ||
	    !atomic_compare_exchange_strong(&h->closing, &released, 2))
		return;
	if (!close_and_free(h)) {
		/* handle_sweep tries again. */
		atomic_store(&h->closing, 1);
		atomic_store(&handles.unclosed[h->backend], true);
	}
}

void handle_put(struct handle *h)
{
	if (atomic_fetch_sub(&h->users, 1) == 1 && atomic_load(&h->closing))
		free_if_released(h);
}

void handle_retire(struct handle *h)
{
	uint32_t open = 0;

	/* Another thread may be freeing it if this RELEASE is run again. */
	(void)atomic_compare_exchange_strong(&h->closing, &open, 1);
}

void handle_finish(struct handle *h)
{
	free_if_released(h);
}

void handle_release(struct handle *h)
{
	if (call.slot && call.slot->handle == handle_number(h) + 1)
		call.slot->handle = 0;
	handle_retire(h);
	handle_finish(h);
}

bool handle_is_unclosed(unsigned backend)
{
	return backend < CONFIG_BACKENDS_MAX && atomic_load(&handles.unclosed[backend]) &&
	       guard_breaker_is_closed(&fs.guarded[backend]);
}

void handle_sweep(unsigned backend)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	if (backend < CONFIG_BACKENDS_MAX)
		atomic_store(&handles.unclosed[backend], false);

	for (uint32_t i = 0; i < used; i++) {
		struct handle *h = &fs.arena->handles[i];

		if (atomic_load(&h->state) == HANDLE_LIVE && h->backend == backend &&
		    atomic_load(&h->closing) == 1)
			free_if_released(h);
	}
}

static bool mark_unlinked(struct handle *h, void *arg)
{
	(void)arg;
	if (h->unlinked == HANDLE_NAMED)
		h->unlinked = HANDLE_UNLINKED;
	return true;
}

void handle_mark_unlinked(uint32_t node)
{
	handle_index_each(node, mark_unlinked, NULL);
}

void handle_name_removed(struct node *node, uint32_t dir)
{
	if (node_names(node) == 1)
		handle_mark_unlinked(node_index(node));
	else
		node_left(node, dir);
}

/* A nameless node keeps its parent. */
static bool was_in(uint32_t node, uint32_t dir)
{
	const struct node *n = &fs.arena->nodes[node];

	if (n->backend < CONFIG_BACKENDS_MAX && atomic_load(&n->left) == dir)
		return true;
	while (n->flags & NODE_UNLINKED && n->parent < NODE_MAX && n->parent != dir)
		n = &fs.arena->nodes[n->parent];
	return n->flags & NODE_UNLINKED && n->parent == dir;
}

bool handle_is_removed_from(uint32_t dir)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	for (uint32_t i = 0; i < used; i++) {
		const struct handle *h = &fs.arena->handles[i];

		if (atomic_load(&h->state) == HANDLE_LIVE && was_in(h->node, dir))
			return true;
	}
	return false;
}

struct usable {
	bool stray;
	/* In use. */
	struct handle *found;
	bool is_open;
};

/* docs/LOCKING.md (handle.draft) has the order of looks. */
static bool find_usable(struct handle *h, void *arg)
{
	struct usable *usable = arg;

	if (h->kind != HANDLE_FILE || (h->unlinked == HANDLE_STRAY) != usable->stray ||
	    atomic_load(&h->closing) || atomic_load(&h->draft) != DRAFT_NONE || atomic_load(&h->fd) < 0)
		return true;
	atomic_fetch_add(&h->users, 1);
	usable->found = h;
	usable->is_open = !atomic_load(&h->closing) && atomic_load(&h->draft) == DRAFT_NONE;
	return false;
}

struct handle *handle_find(uint32_t node, bool stray)
{
	struct usable usable = {.stray = stray};

	/* Released before, or a draft by now: take another. */
	while (!handle_index_each(node, find_usable, &usable)) {
		if (usable.is_open)
			return usable.found;
		handle_put(usable.found);
	}
	return NULL;
}

static bool is_not_executed(struct handle *h, void *arg)
{
	(void)arg;
	return !(h->flags & WIRE_OPEN_EXEC) || atomic_load(&h->closing);
}

bool handle_is_executed(uint32_t node)
{
	return !handle_index_each(node, is_not_executed, NULL);
}
