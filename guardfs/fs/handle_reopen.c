/* A handle's file found again after a reconnect. Closing an older epoch's descriptor cannot hang: its
 * transport is dead. */
#include "base/log.h"
#include "fs/checkpoint_wait.h"
#include "fs/context.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/handle_content.h"
#include "fs/handle_index.h"
#include "fs/node.h"
#include "fs/suspects.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended;
} reopening = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

/* By handle; under reopening.lock. */
static bool is_reopening[HANDLE_MAX];

/* docs/INTERNALS.md, "Open files", has the rules. */
static bool may_go_on(const struct backend *b, struct handle *h, const struct stat *st)
{
	const struct node *node = &fs.arena->nodes[h->node];
	int64_t mtime_ns = (int64_t)st->st_mtim.tv_sec * (int64_t)NSEC_PER_SEC + st->st_mtim.tv_nsec;

	if ((st->st_mode & S_IFMT) != (node->mode & S_IFMT) || !node_is_still(node, st))
		return false;
	if ((h->flags & O_ACCMODE) == O_RDONLY)
		/* Storage may keep whole seconds. */
		return (uint64_t)st->st_size >= h->known_end &&
		       mtime_ns + (int64_t)NSEC_PER_SEC > h->mtime_ns;
	/* Without owed bytes an appending writer goes on at any end. */
	if (h->flags & O_APPEND && !h->unsynced_bytes)
		return true;
	return (!h->overwrote || handle_knows_content(b, h)) && (uint64_t)st->st_size >= h->known_end;
}

/* Filed before anybody sees the error. */
static void poison_in(struct backend *b, struct handle *h, const struct ledger *ranges)
{
	/* Nothing is left of a nameless file. */
	bool told = (h->flags & O_ACCMODE) == O_RDONLY || h->unlinked;

	if (atomic_load(&h->error))
		return;
	suspects_file(b, h->node,
		      &(struct suspected){.news = told ? SUSPECT_READ : SUSPECT_POISONED,
					  .error = fs.config->error,
					  .size = handle_known_end_of_all(h),
					  .overwrote = h->overwrote,
					  .ranges = told ? NULL : ranges});
	atomic_store(&h->error, fs.config->error);
	board_count(b->board, COUNT_POISONED, 1);
}

void handle_poison(struct backend *b, struct handle *h)
{
	poison_in(b, h, &h->unsynced);
}

struct loss {
	struct backend *b;
	int error;
};

static bool tell_loss(struct handle *h, void *arg)
{
	const struct loss *loss = arg;
	int expected = 0;

	if (h->kind == HANDLE_FILE && (h->flags & O_ACCMODE) != O_RDONLY &&
	    atomic_compare_exchange_strong(&h->error, &expected, loss->error))
		board_count(loss->b->board, COUNT_POISONED, 1);
	return true;
}

struct at_risk {
	struct ledger ranges;
	bool overwrote;
};

static bool add_unsynced(struct handle *h, void *arg)
{
	struct at_risk *risk = arg;

	if (h->kind == HANDLE_FILE && (h->flags & O_ACCMODE) != O_RDONLY)
		risk->overwrote |= handle_add_unsynced(h, &risk->ranges);
	return true;
}

void handle_lost(struct backend *b, uint32_t node, int error, const struct ledger *ranges)
{
	struct loss loss = {b, error};
	struct at_risk risk = {0};
	uint64_t known = node_size(&fs.arena->nodes[node]);

	handle_index_each(node, add_unsynced, &risk);
	ledger_put_all(&risk.ranges, ranges);
	suspects_file(
	    b, node,
	    &(struct suspected){.news = SUSPECT_LOST,
				.error = error,
				.size = MAX(known, ledger_end(ranges)),
				.overwrote = risk.overwrote || (ranges->n && ranges->ranges[0].from < known),
				.ranges = &risk.ranges});
	handle_index_each(node, tell_loss, &loss);
}

/* A task of an older epoch may use its descriptor's number again: it stays open, unrecorded, for a sweep. */
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

static void drop_older(struct backend *b, int ref, uint32_t epoch)
{
	if (ref >= 0 && !is_entered_before(b, epoch))
		b->ops->drop(b, ref);
}

/* NULL: the file could not be opened. */
static void log_refusal(const struct backend *b, const struct handle *h, errint_t rc, const struct stat *st)
{
	char path[4096], why[160];

	if (node_last_path(h->node, path, sizeof(path)) < 0)
		(void)copy_string(path, sizeof(path), "a file whose name is not known any more");
	(void)copy_string(why, sizeof(why),
			  h->unlinked == HANDLE_UNLINKED ? "it was removed"
							 : "its name may be another file's");
	if (st)
		snprintf(why, sizeof(why), "size %lld, expected %llu; modified at %lld, was %lld%s",
			 (long long)st->st_size, (unsigned long long)h->known_end,
			 (long long)st->st_mtim.tv_sec, (long long)(h->mtime_ns / (int64_t)NSEC_PER_SEC),
			 h->overwrote ? "; bytes that are not synced were written over" : "");
	else if (rc < 0)
		snprintf(why, sizeof(why), "%s",
			 rc == BACKEND_NODE_GONE ? "it is gone, or another one"
			 : rc == -EBADMSG	 ? "bytes that are not synced are not those that were written"
						 : strerror((int)-rc));
	log_warning("backend %s: an open file cannot be gone on with: %s: %s", b->config->name, path, why);
}

static bool is_gone(errint_t rc)
{
	return rc == -ENOENT || rc == -ESTALE || rc == BACKEND_NODE_GONE || rc == -ENOTDIR || rc == -EISDIR ||
	       rc == -ELOOP;
}

/* 0: the file found is the one written. Else h may be poisoned. */
static errint_t find_same(struct backend *b, struct handle *h, const struct stat *st, uint32_t epoch)
{
	struct ledger differs = {0};
	errint_t rc;

	if (!may_go_on(b, h, st)) {
		log_refusal(b, h, 0, st);
		handle_poison(b, h);
		return GUARD_POISONED;
	}
	rc = handle_compare(b, h, epoch, &differs);
	/* What may not be read is known by its size alone. */
	if ((rc == -EACCES || rc == -EPERM) && !h->overwrote)
		return 0;
	/* Gone since it was opened, just now, is gone. */
	if ((rc != -EBADMSG || differs.n == 0) && rc != -EACCES && rc != -EPERM && !is_gone(rc))
		return rc;
	log_refusal(b, h, rc, NULL);
	poison_in(b, h, differs.n && handle_knows_content(b, h) ? &differs : &h->unsynced);
	return GUARD_POISONED;
}

/* An open a moment later would have got what has the name now. */
static bool may_open_anew(struct handle *h)
{
	return h->unlinked == HANDLE_STRAY && (h->flags & O_ACCMODE) == O_RDONLY &&
	       !atomic_load(&h->stray_read);
}

/* By the name known last, or by another that leads to the file. */
static errint_t open_by_names(struct backend *b, struct handle *h, int *ref, struct stat *st)
{
	struct node *node = &fs.arena->nodes[h->node];
	uint32_t names = node_names(node);
	errint_t rc;

	for (uint32_t tries = 1;; tries++) {
		rc = b->ops->open(b, h->node, (int)h->flags, ref);
		if (rc == 0)
			rc = b->ops->getattr(b, h->node, *ref, st);
		if ((rc == 0 && (may_open_anew(h) || may_go_on(b, h, st))) || (rc < 0 && !is_gone(rc)) ||
		    tries >= names || call_answered() || !node_try_next_name(node))
			return rc;
		if (*ref >= 0)
			b->ops->release(b, *ref);
		*ref = -1;
	}
}

/* The kernel has checked the rights of the one that the node knows. */
static bool has_rights_known(const struct handle *h, const struct stat *st)
{
	struct stat known;

	node_recall(&fs.arena->nodes[h->node], &known);
	return S_ISREG(st->st_mode) && st->st_mode == known.st_mode && st->st_uid == known.st_uid &&
	       st->st_gid == known.st_gid;
}

/* Nobody can see how far it reaches, as with any stray. */
static errint_t accept_anew(struct backend *b, struct handle *h, const struct stat *st)
{
	if (!has_rights_known(h, st)) {
		log_refusal(b, h, BACKEND_NODE_GONE, NULL);
		handle_poison(b, h);
		return GUARD_POISONED;
	}
	handle_start_ledger(h, 0, version_of(st).mtime_ns);
	return 0;
}

errint_t handle_read_stray(struct handle *h, uint32_t epoch)
{
	atomic_store(&h->stray_read, 1);
	/* reopen_guarded takes the epoch away before it looks whether something was read. */
	return atomic_load(&h->epoch) == epoch ? 0 : GUARD_POISONED;
}

/* Of no connection. */
#define NO_EPOCH 0u

/* Within the guard, without locks; may hang. */
static errint_t reopen_guarded(struct backend *b, struct handle *h, uint32_t epoch)
{
	bool anew = may_open_anew(h);
	struct stat st;
	int ref = -1, old;
	uint32_t before;
	errint_t rc;

	if (!anew && (h->unlinked || atomic_load(&h->perhaps_replaced))) {
		log_refusal(b, h, 0, NULL);
		handle_poison(b, h);
		return GUARD_POISONED;
	}
	rc = open_by_names(b, h, &ref, &st);
	if (rc < 0 || call_answered()) {
		if (ref >= 0)
			b->ops->release(b, ref);
		/* Gone or replaced is final; the backend's trouble is not. */
		if (is_gone(rc) || rc == -EACCES) {
			log_refusal(b, h, rc, NULL);
			handle_poison(b, h);
			return GUARD_POISONED;
		}
		return rc < 0 ? rc : GUARD_POISONED;
	}
	rc = anew ? accept_anew(b, h, &st) : find_same(b, h, &st, epoch);
	if (rc < 0) {
		b->ops->release(b, ref);
		return rc;
	}
	before = anew ? atomic_exchange(&h->epoch, NO_EPOCH) : 0;
	if (anew && !may_open_anew(h)) {
		/* Read over the lost connection meanwhile: nobody may go on with this one. */
		atomic_store(&h->epoch, before);
		b->ops->release(b, ref);
		log_refusal(b, h, 0, NULL);
		handle_poison(b, h);
		return GUARD_POISONED;
	}
	old = atomic_exchange(&h->fd, ref);
	atomic_store(&h->epoch, epoch);
	drop_older(b, old, epoch);
	drop_older(b, handle_other_fd(atomic_exchange(&h->other, 0)), epoch);
	board_count(b->board, COUNT_REOPENED, 1);
	return 0;
}

/* Only after guardian restarted without its worker. By the node, unless the file is nameless. */
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

/* Owed bytes will have the file found again, through the closed handle, and judged then. */
static bool is_owed_through(const struct handle *h)
{
	uint64_t fh = handle_id(h, handle_number(h));

	for (uint32_t i = 0; i < EXTENT_MAX; i++) {
		const struct extent *e = &fs.arena->owed.extents[i];

		if (atomic_load(&e->state) != EXTENT_FREE && __atomic_load_n(&e->fh, __ATOMIC_RELAXED) == fh)
			return true;
	}
	return false;
}

void handle_closes(struct handle *h)
{
	struct backend *b = h->backend < CONFIG_BACKENDS_MAX ? &fs.guarded[h->backend] : NULL;
	uint32_t epoch;

	if (!b || h->kind != HANDLE_FILE || (h->flags & O_ACCMODE) == O_RDONLY || h->unlinked ||
	    atomic_load(&h->error))
		return;
	/* A close that said 0 has said that storage has it; not that it is synced, where that was
	 * promised. */
	if (handle_unsynced(h) && (!guard_breaker_is_closed(b) || !is_current(b, h, &epoch)) &&
	    !is_owed_through(h) && (!atomic_load(&h->flushed) || checkpoint_is_on(b->index)))
		handle_poison(b, h);
	else
		suspects_closed(h->node, handle_known_end_of_all(h));
}

errint_t handle_ensure(struct backend *b, struct handle *h)
{
	uint32_t epoch;
	errint_t rc;

	if (!b->board)
		return atomic_load(&h->fd) >= 0 ? 0 : reopen_local(b, h);
	if (h->kind != HANDLE_FILE || is_current(b, h, &epoch))
		return 0;
	pthread_mutex_lock(&reopening.lock);
	while (is_reopening[handle_number(h)])
		pthread_cond_wait(&reopening.ended, &reopening.lock);
	if (is_current(b, h, &epoch)) {
		pthread_mutex_unlock(&reopening.lock);
		return 0;
	}
	if (atomic_load(&h->error)) {
		pthread_mutex_unlock(&reopening.lock);
		return GUARD_POISONED;
	}
	is_reopening[handle_number(h)] = true;
	pthread_mutex_unlock(&reopening.lock);

	rc = reopen_guarded(b, h, epoch);

	pthread_mutex_lock(&reopening.lock);
	is_reopening[handle_number(h)] = false;
	pthread_cond_broadcast(&reopening.ended);
	pthread_mutex_unlock(&reopening.lock);
	return rc;
}

/* Writes the other way. */
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
	rc = b->ops->reopen(b, h->node, atomic_load(&h->fd), (int)h->flags ^ O_APPEND, &fd);
	if (rc < 0)
		return rc;
	while (!atomic_compare_exchange_strong(&h->other, &word, handle_other(epoch, fd))) {
		if (!word || handle_other_epoch(word) < epoch)
			continue;
		/* Another thread was faster, or the file was found again. */
		b->ops->release(b, fd);
		*ref = handle_other_fd(word);
		return handle_other_epoch(word) == epoch ? 0 : GUARD_POISONED;
	}
	drop_older(b, handle_other_fd(word), epoch);
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
