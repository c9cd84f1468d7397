/* handle.c: see handle.h.
 *
 * Finding a file again after a reconnect: one thread opens it, without any lock; others wait for it under
 * `again`. A descriptor that belongs to an older epoch is closed when the handle has no other user (its
 * transport is dead by then, so closing cannot hang). */
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

#define LEDGER_LOCKS 64u

static struct {
	pthread_mutex_t lock; /* free list, high-water mark */
	uint32_t free_head;   /* through next_free; HANDLE_MAX: end */
	uint32_t next_free[HANDLE_MAX];
	pthread_mutex_t ledger_locks[LEDGER_LOCKS];
	pthread_mutex_t again_lock;
	pthread_cond_t again;
	bool reopening[HANDLE_MAX]; /* under again_lock */
	_Atomic bool
	    unclosed[CONFIG_BACKENDS_MAX]; /* a released handle of that backend could not be closed */
} handles;

static uint32_t index_of(const struct handle *h)
{
	return (uint32_t)(h - fs.arena->handles);
}

static pthread_mutex_t *ledger_lock(const struct handle *h)
{
	return &handles.ledger_locks[index_of(h) % LEDGER_LOCKS];
}

static void push_free(uint32_t i)
{
	handles.next_free[i] = handles.free_head;
	handles.free_head = i;
}

/* Opens whose worker died before it had decided on an answer: the kernel will never release them. */
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

/* Counts open files per local node again: a predecessor may have died between the two steps of an open, or of
 * a release. */
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
	pthread_mutex_init(&handles.again_lock, NULL);
	pthread_cond_init(&handles.again, NULL);
	for (uint32_t i = 0; i < LEDGER_LOCKS; i++)
		pthread_mutex_init(&handles.ledger_locks[i], NULL);
	handle_index_init();
	handles.free_head = HANDLE_MAX;
	abandon_unanswered(used);
	for (uint32_t i = used; i-- > 0;) {
		struct handle *h = &fs.arena->handles[i];

		/* Tasks of dead workers never return to user mode, and in the kernel they hold their own
		 * reference to the file. */
		atomic_store(&h->users, 0);
		if (atomic_load(&h->state) == HANDLE_LIVE) {
			handle_count_again(h);
			handle_index_add(h);
		}
		if (atomic_load(&h->state) != HANDLE_LIVE) {
			push_free(i);
		} else if (atomic_load(&h->closing)) {
			/* Released; to be closed by a sweep. */
			atomic_store(&h->closing, 1);
			h->passthrough = 0;
		}
	}
	recount_opens(used);
	return 0;
}

struct handle *handle_new(uint32_t node, enum handle_kind kind, uint8_t backend, int flags, int ref,
			  uint32_t epoch)
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
	/* users is left as it is, zero but for somebody who looks in passing (handle_find). */
	atomic_store(&h->closing, 0);
	atomic_store(&h->error, 0);
	h->unlinked = 0;
	h->passthrough = 0;
	h->snapshot_fd = -1;
	handle_count(h);
	h->known_end = 0;
	h->unsynced_bytes = 0;
	h->overwrote = 0;
	atomic_store(&h->tail_length, 0);
	atomic_store(&h->appended_unique, 0);
	h->mtime_ns = 0;
	atomic_store(&h->job, JOB_NONE);
	/* If this worker dies before it has decided on the answer, its successor finds by this what to
	 * close. */
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

/* Takes the handle's descriptors on storage out of its record, then closes them: a sweep may find them,
 * nobody uses them twice. 0, or the error of either. */
static errint_t release_fds(struct backend *b, struct handle *h)
{
	int fd = atomic_exchange(&h->fd, -1), other = handle_other_fd(atomic_exchange(&h->other, 0));
	errint_t rc = release_fd(b, fd), rc_other = release_fd(b, other);

	return rc < 0 ? rc : rc_other;
}

/* Closes what the handle holds and frees it. Returns false if its backend is down: a close would reach it
 * (FUSE flushes). */
static bool close_and_free(struct handle *h)
{
	struct backend *b =
	    h->backend == NODE_LOCAL || h->backend == NODE_VIRTUAL ? &fs.local : &fs.guarded[h->backend];
	bool quietly = b->board && (atomic_load(&h->fd) >= 0 || atomic_load(&h->other)) &&
		       atomic_load(&h->epoch) == gate_epoch(atomic_load(&b->board->gate));
	errint_t rc;

	if (quietly && !guard_enter_quietly(b, guard_target_node(h->node)))
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
	push_free(index_of(h));
	return true;
}

/* closing: 0 open, 1 released, 2 being freed by whoever made it so. */
static void free_if_released(struct handle *h)
{
	uint32_t released = 1;

	if (atomic_load(&h->users) != 0 || !atomic_compare_exchange_strong(&h->closing, &released, 2))
		return;
	if (!close_and_free(h)) {
		/* handle_sweep tries again: at the next epoch, or when there is room. */
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
	atomic_store(&h->closing, 1);
}

void handle_finish(struct handle *h)
{
	free_if_released(h);
}

void handle_release(struct handle *h)
{
	if (call.slot && call.slot->handle == index_of(h) + 1)
		call.slot->handle = 0;
	handle_retire(h);
	handle_finish(h);
}

bool handle_is_unclosed(unsigned backend)
{
	return backend < CONFIG_BACKENDS_MAX && atomic_load(&handles.unclosed[backend]) &&
	       guard_is_open_for_business(&fs.guarded[backend]);
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

/* ---- the ledger ---- */

void handle_wrote(struct handle *h, uint64_t offset, uint64_t n)
{
	ACQUIRE_LOCK(ledger_lock(h));
	if (offset < h->known_end)
		h->overwrote = 1;
	h->known_end = MAX(h->known_end, offset + n);
	h->unsynced_bytes += n;
}

void handle_appended(struct handle *h, uint64_t unique, uint64_t from, const void *data, size_t n)
{
	size_t tail = MIN(n, (size_t)HANDLE_TAIL_MAX);

	ACQUIRE_LOCK(ledger_lock(h));
	h->known_end = from + n;
	h->unsynced_bytes += n;
	h->appended_bytes = (uint32_t)n;
	atomic_store(&h->tail_length, 0);
	memcpy(h->tail, (const uint8_t *)data + n - tail, tail);
	atomic_store(&h->tail_length, (uint16_t)tail);
	atomic_store(&h->appended_unique, unique);
}

size_t handle_has_appended(struct handle *h, uint64_t unique)
{
	if (atomic_load(&h->appended_unique) != unique)
		return 0;
	ACQUIRE_LOCK(ledger_lock(h));
	return h->appended_bytes;
}

uint64_t handle_known_end(struct handle *h)
{
	ACQUIRE_LOCK(ledger_lock(h));
	return h->known_end;
}

size_t handle_tail(struct handle *h, uint8_t tail[HANDLE_TAIL_MAX])
{
	ACQUIRE_LOCK(ledger_lock(h));
	memcpy(tail, h->tail, atomic_load(&h->tail_length));
	return atomic_load(&h->tail_length);
}

uint64_t handle_unsynced(struct handle *h)
{
	ACQUIRE_LOCK(ledger_lock(h));
	return h->unsynced_bytes;
}

void handle_synced(struct handle *h, uint64_t mark)
{
	ACQUIRE_LOCK(ledger_lock(h));
	if (h->unsynced_bytes != mark)
		return;
	h->overwrote = 0;
	h->unsynced_bytes = 0;
}

struct cut {
	const struct handle *through; /* NULL: any */
	uint64_t size;
	bool seen; /* only as handles of this epoch see it */
	uint32_t epoch;
};

static bool cut_handle(struct handle *h, void *arg)
{
	const struct cut *cut = arg;

	if (cut->seen && atomic_load(&h->epoch) != cut->epoch)
		return true;
	ACQUIRE_LOCK(ledger_lock(h));
	h->known_end = h == cut->through ? cut->size : MIN(h->known_end, cut->size);
	return true;
}

void handle_truncated(uint32_t node, struct handle *through, uint64_t size)
{
	struct cut cut = {.through = through, .size = size};

	handle_index_each(node, cut_handle, &cut);
}

void handle_seen_cut(uint32_t node, uint64_t size, uint32_t epoch)
{
	struct cut cut = {.size = size, .seen = true, .epoch = epoch};

	handle_index_each(node, cut_handle, &cut);
}

void handle_truncation_ended(ssize_t rc, uint32_t node, struct handle *through, uint64_t size)
{
	if (rc == 0)
		handle_truncated(node, through, size);
	else if (rc < 0 && errclass_info(errclass_from_errno((int)-rc))->infrastructure)
		handle_truncated(node, NULL, size);
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

/* What has lost its name keeps the parent that it had. */
static bool was_in(uint32_t node, uint32_t dir)
{
	const struct node *n = &fs.arena->nodes[node];

	while (n->flags & NODE_UNLINKED && n->parent < NODE_MAX && n->parent != dir)
		n = &fs.arena->nodes[n->parent];
	return n->flags & NODE_UNLINKED && n->parent == dir;
}

bool handle_is_removed_from(uint32_t dir)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	for (uint32_t i = 0; i < used; i++) {
		const struct handle *h = &fs.arena->handles[i];

		if (atomic_load(&h->state) == HANDLE_LIVE && h->unlinked && was_in(h->node, dir))
			return true;
	}
	return false;
}

struct usable {
	bool stray;
	struct handle *found; /* its use count raised */
};

static bool find_usable(struct handle *h, void *arg)
{
	struct usable *usable = arg;

	if (h->kind != HANDLE_FILE || (h->unlinked == HANDLE_STRAY) != usable->stray ||
	    atomic_load(&h->closing) || atomic_load(&h->fd) < 0)
		return true;
	atomic_fetch_add(&h->users, 1);
	usable->found = h;
	return false;
}

struct handle *handle_find(uint32_t node, bool stray)
{
	struct usable usable = {.stray = stray};

	/* It may have been released before its use count was raised: then another one. */
	while (!handle_index_each(node, find_usable, &usable)) {
		if (!atomic_load(&usable.found->closing))
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

/* ---- finding it again ---- */

/* May the handle go on with what is there now? Readers if nothing went back; writers only
 * if all that was acknowledged and not synced extended the file, and the size covers it. */
static bool may_go_on(const struct handle *h, const struct stat *st)
{
	const struct node *node = &fs.arena->nodes[h->node];
	int64_t mtime_ns = (int64_t)st->st_mtim.tv_sec * (int64_t)NSEC_PER_SEC + st->st_mtim.tv_nsec;

	if ((st->st_mode & S_IFMT) != (node->mode & S_IFMT) || !node_is_still(node, st))
		return false;
	if ((h->flags & O_ACCMODE) == O_RDONLY)
		/* Storage may keep whole seconds only. */
		return (uint64_t)st->st_size >= h->known_end &&
		       mtime_ns + (int64_t)NSEC_PER_SEC > h->mtime_ns;
	/* Who owes nothing and only appends goes to whatever end there is: it was cut off by somebody else.
	 */
	if (h->flags & O_APPEND && !h->unsynced_bytes)
		return true;
	return !h->overwrote && (uint64_t)st->st_size >= h->known_end;
}

/* The path, or its end if it does not fit; "" if nothing is known. */
static void suspect_path(uint32_t node, char *path, size_t size)
{
	char whole[4096];
	size_t length;

	path[0] = '\0';
	if (node_last_path(node, whole, sizeof(whole)) < 0)
		return;
	length = strlen(whole);
	(void)copy_string(path, size, whole + (length < size ? 0 : length - size + 1));
}

/* Somebody will want to know which file, long after its handle is closed. The ledger is read without its
 * lock: nothing is written through a handle that is being found again. */
static void note_suspect(const struct backend *b, const struct handle *h)
{
	struct board_suspect suspect = {.real_ns = clock_real_ns(),
					.backend = (uint32_t)b->index,
					.written = (h->flags & O_ACCMODE) != O_RDONLY};

	if (suspect.written && h->unsynced_bytes) {
		suspect.to = h->known_end;
		suspect.from = h->overwrote ? 0 : h->known_end - MIN(h->unsynced_bytes, h->known_end);
	}
	suspect_path(h->node, suspect.path, sizeof(suspect.path));
	pthread_mutex_lock(&handles.again_lock);
	board_put_suspect(&fs.arena->board, &suspect);
	pthread_mutex_unlock(&handles.again_lock);
}

static void poison(struct backend *b, struct handle *h)
{
	int expected = 0;

	if (!atomic_compare_exchange_strong(&h->error, &expected, fs.config->error))
		return;
	note_suspect(b, h);
	board_count(b->board, COUNT_POISONED, 1);
}

/* Is a task of an older epoch still inside? (Only where it could not be fenced.) It may come back and use the
 * number of a descriptor once more: that must then not stand for another file. It is left open and
 * unrecorded, for a sweep to find. */
static bool is_entered_before(const struct backend *b, uint32_t epoch)
{
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		const struct slot *s = &fs.arena->slots[i];

		if (atomic_load(&s->inside) && atomic_load(&s->backend) == b->index &&
		    atomic_load(&s->epoch) < epoch)
			return true;
	}
	return false;
}

static void close_older(const struct backend *b, int fd, uint32_t epoch)
{
	if (fd >= 0 && !is_entered_before(b, epoch))
		close(fd);
}

/* Opens the handle's file in the present epoch. Runs inside the guard, without locks; may hang like any
 * operation. */
static errint_t reopen(struct backend *b, struct handle *h, uint32_t epoch)
{
	struct stat st;
	int ref = -1, old;
	errint_t rc;

	if (h->unlinked) {
		poison(b, h);
		return GUARD_POISONED;
	}
	rc = b->ops->open(b, h->node, (int)h->flags, &ref);
	if (rc == 0)
		rc = b->ops->getattr(b, h->node, ref, &st);
	if (rc < 0 || call_answered()) {
		if (ref >= 0)
			b->ops->release(b, ref);
		/* Gone, or something else in its place: that is final. Trouble with the backend is not. */
		if (rc == -ENOENT || rc == -ESTALE || rc == BACKEND_NODE_GONE || rc == -ENOTDIR ||
		    rc == -EISDIR || rc == -ELOOP || rc == -EACCES) {
			poison(b, h);
			return GUARD_POISONED;
		}
		return rc < 0 ? rc : GUARD_POISONED;
	}
	if (!may_go_on(h, &st)) {
		b->ops->release(b, ref);
		poison(b, h);
		return GUARD_POISONED;
	}
	old = atomic_exchange(&h->fd, ref);
	atomic_store(&h->epoch, epoch);
	close_older(b, old, epoch);
	close_older(b, handle_other_fd(atomic_exchange(&h->other, 0)), epoch);
	board_count(b->board, COUNT_REOPENED, 1);
	return 0;
}

/* A local handle has lost its descriptor only when guardian was restarted without its worker: the file is
 * found again by its node, unless it had no name left. */
static errint_t reopen_local(struct backend *b, struct handle *h)
{
	int ref = -1, none = -1;
	errint_t rc;

	if (h->kind == HANDLE_DIRECTORY)
		rc = b->ops->opendir(b, h->node, &ref);
	else
		rc = b->ops->open(b, h->node, (int)h->flags, &ref);
	if (rc < 0) {
		atomic_store(&h->error, fs.config->error);
		return -fs.config->error;
	}
	if (!atomic_compare_exchange_strong(&h->fd, &none, ref))
		close(ref); /* another thread was faster */
	return 0;
}

static bool is_current(const struct backend *b, const struct handle *h, uint32_t *epoch)
{
	*epoch = atomic_load(&b->board->root_epoch);
	return atomic_load(&h->epoch) == *epoch && atomic_load(&h->fd) >= 0;
}

errint_t handle_ensure(struct backend *b, struct handle *h)
{
	uint32_t epoch;
	errint_t rc;

	if (!b->board)
		return atomic_load(&h->fd) >= 0 ? 0 : reopen_local(b, h);
	if (h->kind != HANDLE_FILE || is_current(b, h, &epoch))
		return 0;
	pthread_mutex_lock(&handles.again_lock);
	while (handles.reopening[index_of(h)])
		pthread_cond_wait(&handles.again, &handles.again_lock);
	if (is_current(b, h, &epoch)) {
		pthread_mutex_unlock(&handles.again_lock);
		return 0;
	}
	if (atomic_load(&h->error)) {
		pthread_mutex_unlock(&handles.again_lock);
		return GUARD_POISONED;
	}
	handles.reopening[index_of(h)] = true;
	pthread_mutex_unlock(&handles.again_lock);

	rc = reopen(b, h, epoch);

	pthread_mutex_lock(&handles.again_lock);
	handles.reopening[index_of(h)] = false;
	pthread_cond_broadcast(&handles.again);
	pthread_mutex_unlock(&handles.again_lock);
	return rc;
}

/* The descriptor that writes the other way, found or opened. */
static errint_t ensure_other(struct backend *b, struct handle *h, int *ref)
{
	uint32_t epoch = atomic_load(&h->epoch);
	uint64_t word = atomic_load(&h->other);
	int fd = -1;
	errint_t rc;

	if (word && handle_other_epoch(word) == epoch) {
		*ref = handle_other_fd(word);
		return 0;
	}
	rc = b->ops->reopen(b, atomic_load(&h->fd), (int)h->flags ^ O_APPEND, &fd);
	if (rc < 0)
		return rc;
	while (!atomic_compare_exchange_strong(&h->other, &word, handle_other(epoch, fd))) {
		if (!word || handle_other_epoch(word) < epoch)
			continue;
		/* Another thread was faster, or the file has been found again meanwhile. */
		b->ops->release(b, fd);
		*ref = handle_other_fd(word);
		return handle_other_epoch(word) == epoch ? 0 : GUARD_POISONED;
	}
	close_older(b, handle_other_fd(word), epoch);
	*ref = fd;
	return 0;
}

errint_t handle_ensure_for(struct backend *b, struct handle *h, bool appends, int *ref)
{
	errint_t rc = handle_ensure(b, h);

	if (rc < 0)
		return rc;
	*ref = atomic_load(&h->fd);
	return appends == ((h->flags & O_APPEND) != 0) ? 0 : ensure_other(b, h, ref);
}
