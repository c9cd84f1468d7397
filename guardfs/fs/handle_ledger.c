/* Acknowledged writes. */
#include "base/clock.h"
#include "base/cleanup.h"
#include "fs/checkpoint_wait.h"
#include "fs/handle.h"
#include "fs/handle_index.h"
#include "fs/suspects.h"

#include <fcntl.h>
#include <pthread.h>

#define LEDGER_LOCKS 64u

static pthread_mutex_t ledger_locks[LEDGER_LOCKS] = {[0 ... LEDGER_LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER};

static pthread_mutex_t *ledger_lock(const struct handle *h)
{
	return &ledger_locks[handle_number(h) % LEDGER_LOCKS];
}

/* Under the ledger lock. A worker may die between two stores. */
static void begin_change(struct handle *h)
{
	atomic_store(&h->ledger_changing, 1);
}

static void end_change(struct handle *h)
{
	h->unsynced_bytes = ledger_bytes(&h->unsynced);
	atomic_store(&h->ledger_changing, 0);
}

void handle_mend_ledger(struct handle *h)
{
	bool torn = ledger_check(&h->unsynced);

	(void)content_check(&h->content);
	if (torn || atomic_load(&h->ledger_changing)) {
		/* Of all that it may have been before or after. */
		h->unsynced = (struct ledger){.era = h->unsynced.era};
		ledger_put(&h->unsynced, 0, h->known_end, LEDGER_CONFIRMED);
		content_put(&h->content, h->unsynced.era, 0, NULL, MAX(h->known_end, 1));
	}
	end_change(h);
}

static bool compares_content(const struct handle *h)
{
	return h->backend < CONFIG_BACKENDS_MAX &&
	       fs.config->backends[h->backend].replay_check == REPLAY_CONTENT;
}

struct written_elsewhere {
	const struct handle *through;
	uint64_t from, n;
};

static bool spoil_other(struct handle *h, void *arg)
{
	const struct written_elsewhere *w = arg;

	if (h == w->through || (h->flags & O_ACCMODE) == O_RDONLY)
		return true;
	ACQUIRE_LOCK(ledger_lock(h));
	content_spoil(&h->content, h->unsynced.era, w->from, w->n);
	return true;
}

/* Without the ledger lock. */
static void spoil_others(const struct handle *h, uint64_t from, uint64_t n)
{
	struct written_elsewhere w = {.through = h, .from = from, .n = n};

	if (compares_content(h))
		handle_index_each(h->node, spoil_other, &w);
}

void handle_spoil(struct handle *h, uint64_t from, uint64_t n)
{
	struct written_elsewhere w = {.from = from, .n = n};

	if (compares_content(h))
		handle_index_each(h->node, spoil_other, &w);
}

/* Under the ledger lock. data: NULL: not known. */
static void note_range(struct handle *h, uint64_t from, const void *data, uint64_t n)
{
	uint64_t before = h->unsynced_bytes;

	begin_change(h);
	if (compares_content(h))
		content_put(&h->content, h->unsynced.era, from, data, n);
	ledger_put(&h->unsynced, from, from + n, LEDGER_CONFIRMED);
	end_change(h);
	atomic_store(&h->flushed, 0);
	if (before == 0)
		h->unsynced_since_ns = clock_mono_ns();
	checkpoint_note(h->backend, before, h->unsynced_bytes);
}

void handle_start_ledger(struct handle *h, uint64_t known_end, int64_t mtime_ns)
{
	ACQUIRE_LOCK(ledger_lock(h));
	h->known_end = known_end;
	h->mtime_ns = mtime_ns;
}

void handle_wrote(struct handle *h, uint64_t offset, const void *data, uint64_t n)
{
	spoil_others(h, offset, n);
	ACQUIRE_LOCK(ledger_lock(h));
	if (offset < h->known_end)
		h->overwrote = 1;
	h->known_end = MAX(h->known_end, offset + n);
	note_range(h, offset, data, n);
}

void handle_appended(struct handle *h, uint64_t unique, uint64_t from, const void *data, size_t n)
{
	size_t tail = MIN(n, (size_t)HANDLE_TAIL_MAX);

	spoil_others(h, from, n);
	ACQUIRE_LOCK(ledger_lock(h));
	h->known_end = from + n;
	note_range(h, from, data, n);
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

static bool find_end(struct handle *h, void *arg)
{
	uint64_t *end = arg;

	if (h->kind == HANDLE_FILE && (h->flags & O_ACCMODE) != O_RDONLY && h->unlinked == HANDLE_NAMED)
		*end = MAX(*end, handle_known_end(h));
	return true;
}

uint64_t handle_known_end_of_all(struct handle *h)
{
	uint64_t end = handle_known_end(h);

	handle_index_each(h->node, find_end, &end);
	return end;
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

uint64_t handle_unsynced_since(struct handle *h, uint64_t *since_ns)
{
	ACQUIRE_LOCK(ledger_lock(h));
	*since_ns = h->unsynced_since_ns;
	return h->unsynced_bytes;
}

bool handle_add_unsynced(struct handle *h, struct ledger *ledger)
{
	ACQUIRE_LOCK(ledger_lock(h));
	ledger_put_all(ledger, &h->unsynced);
	return h->overwrote;
}

void handle_content(struct handle *h, struct content *content)
{
	ACQUIRE_LOCK(ledger_lock(h));
	*content = h->content;
}

uint32_t handle_sync_begins(struct handle *h)
{
	uint32_t mark;

	ACQUIRE_LOCK(ledger_lock(h));
	h->sync_began_ns = clock_mono_ns();
	begin_change(h);
	mark = ledger_sync_begins(&h->unsynced);
	end_change(h);
	return mark;
}

void handle_synced(struct handle *h, uint32_t mark)
{
	ACQUIRE_LOCK(ledger_lock(h));
	begin_change(h);
	ledger_synced(&h->unsynced, mark);
	content_synced(&h->content, mark);
	end_change(h);
	h->unsynced_since_ns = MAX(h->unsynced_since_ns, h->sync_began_ns);
	if (h->unsynced_bytes == 0)
		h->overwrote = 0;
}

void handle_forget_writes(struct handle *h)
{
	ACQUIRE_LOCK(ledger_lock(h));
	h->known_end = 0;
	begin_change(h);
	/* A sync under way covers nothing that comes now. */
	h->unsynced = (struct ledger){.era = h->unsynced.era};
	h->content = (struct content){0};
	end_change(h);
	h->overwrote = 0;
}

struct cut {
	/* NULL: any. */
	const struct handle *through;
	uint64_t size;
	/* Only handles of this epoch. */
	bool seen;
	uint32_t epoch;
};

static bool cut_handle(struct handle *h, void *arg)
{
	const struct cut *cut = arg;

	if (cut->seen && (atomic_load(&h->epoch) != cut->epoch || h->unlinked == HANDLE_STRAY))
		return true;
	ACQUIRE_LOCK(ledger_lock(h));
	h->known_end = h == cut->through ? cut->size : MIN(h->known_end, cut->size);
	begin_change(h);
	ledger_cut(&h->unsynced, cut->size);
	content_cut(&h->content, h->unsynced.era, cut->size);
	end_change(h);
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

struct set_back {
	int64_t mtime_ns;
	uint32_t epoch;
};

static bool set_back_handle(struct handle *h, void *arg)
{
	const struct set_back *back = arg;

	if (atomic_load(&h->epoch) != back->epoch || h->unlinked == HANDLE_STRAY)
		return true;
	ACQUIRE_LOCK(ledger_lock(h));
	h->mtime_ns = MIN(h->mtime_ns, back->mtime_ns);
	return true;
}

void handle_seen_set_back(uint32_t node, int64_t mtime_ns, uint32_t epoch)
{
	struct set_back back = {mtime_ns, epoch};

	handle_index_each(node, set_back_handle, &back);
}

void handle_truncation_ended(ssize_t rc, uint32_t node, struct handle *through, uint64_t size)
{
	if (rc == 0 && size == 0)
		suspects_emptied(node);
	if (rc == 0)
		handle_truncated(node, through, size);
	else if (rc < 0 && errclass_info(errclass_from_errno((int)-rc))->infrastructure)
		handle_truncated(node, NULL, size);
}
