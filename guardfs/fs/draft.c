/* draft.c: see draft.h. */
#include "fs/draft.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "fs/handle.h"
#include "fs/handle_index.h"
#include "fs/node.h"
#include "fs/statefiles.h"
#include "fs/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define LOCKS 64u

/* A draft's content and its count of changes go together. Never held across a call into a backend. */
static pthread_mutex_t draft_locks[LOCKS] = {[0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER};

static pthread_mutex_t *draft_lock(const struct handle *h)
{
	return &draft_locks[handle_number(h) % LOCKS];
}

/* ---- beginning ---- */

static bool is_not_writer(struct handle *h, void *arg)
{
	return h == arg || h->kind != HANDLE_FILE || (h->flags & O_ACCMODE) == O_RDONLY || draft_is(h) ||
	       h->unlinked || atomic_load(&h->closing);
}

bool draft_has_writers(uint32_t node, const struct handle *h)
{
	return !handle_index_each(node, is_not_writer, (void *)(uintptr_t)h);
}

bool draft_may_begin(const struct node *node, const struct stat *st, const struct handle *h)
{
	return S_ISREG(st->st_mode) && st->st_nlink <= 1 && !(st->st_mode & (S_ISUID | S_ISGID)) &&
	       (uint64_t)st->st_size <= statefiles_size() && !draft_has_writers(node_index(node), h);
}

static errint_t give_memory(struct handle *h)
{
	int fd = handle_memfd("guardfs-draft");

	if (fd < 0)
		return fd;
	h->snapshot_fd = fd;
	h->draft_owner = 0;
	atomic_store(&h->draft_refused, 0);
	atomic_store(&h->draft_changes, 1);
	atomic_store(&h->draft_published, 0);
	atomic_store(&h->draft_mtime_ns, INT64_MIN);
	atomic_store(&h->draft_closed_ns, 0);
	return 0;
}

static void set_base(struct handle *h, const struct stat *st)
{
	struct version version = version_of(st);

	h->draft_base_size = version.size;
	h->draft_base_mtime_ns = version.mtime_ns;
}

errint_t draft_begin(struct handle *h, const struct stat *st)
{
	errint_t rc = give_memory(h);

	set_base(h, st);
	if (rc == 0)
		atomic_store(&h->draft, DRAFT_NEW);
	return rc;
}

static bool rebase_one(struct handle *h, void *st)
{
	if (draft_is_new(h))
		set_base(h, st);
	return true;
}

void draft_rebase(uint32_t node, const struct stat *st)
{
	handle_index_each(node, rebase_one, (void *)(uintptr_t)st);
}

errint_t draft_keep(struct handle *h, const void *data, size_t n)
{
	errint_t rc = give_memory(h);

	if (rc == 0)
		rc = fd_write_all(h->snapshot_fd, data, n);
	if (rc == 0)
		atomic_store(&h->draft, DRAFT_KEPT);
	return rc;
}

/* ---- content ---- */

ssize_t draft_read(const struct handle *h, void *data, size_t size, off_t offset)
{
	ssize_t n = h->snapshot_fd < 0 ? -1 : pread(h->snapshot_fd, data, size, offset);

	return h->snapshot_fd < 0 ? -EIO : n < 0 ? -errno : n;
}

static errint_t size_of(const struct handle *h, off_t *size)
{
	struct stat st;

	if (h->snapshot_fd < 0)
		return -EIO;
	if (fstat(h->snapshot_fd, &st) < 0)
		return -errno;
	*size = st.st_size;
	return 0;
}

/* May it reach so far? Counts its memory to its user. */
static errint_t make_room(struct handle *h, off_t end)
{
	uint32_t kib = (uint32_t)(((uint64_t)end + 1023) >> 10);

	if ((uint64_t)end > statefiles_size())
		return -EFBIG;
	if (kib <= atomic_load(&h->snapshot_kib))
		return 0;
	return handle_count_listing(h, kib) ? 0 : -EFBIG;
}

static void note_change(struct handle *h)
{
	atomic_store(&h->draft_mtime_ns, INT64_MIN);
	atomic_fetch_add(&h->draft_changes, 1);
}

/* Where an append goes. The slot tells a second run. */
static off_t append_offset(off_t end)
{
	if (atomic_load(&call.slot->append_begun) == APPEND_NOT_BEGUN) {
		call.slot->append_from = (uint64_t)end;
		atomic_store(&call.slot->append_begun, APPEND_BEGUN);
	}
	return (off_t)call.slot->append_from;
}

ssize_t draft_write(struct handle *h, const void *data, size_t n, off_t offset, bool appends)
{
	off_t end = 0;
	errint_t rc;
	ssize_t done;

	ACQUIRE_LOCK(draft_lock(h));
	rc = size_of(h, &end);
	if (rc == 0 && appends)
		offset = append_offset(end);
	if (rc == 0)
		rc = make_room(h, MAX(end, offset + (off_t)n));
	if (rc < 0)
		return rc;
	done = pwrite(h->snapshot_fd, data, n, offset);
	if (done > 0)
		note_change(h);
	return done < 0 ? -errno : done;
}

errint_t draft_cut(struct handle *h, off_t size)
{
	off_t end;
	errint_t rc;

	ACQUIRE_LOCK(draft_lock(h));
	rc = size_of(h, &end);
	if (rc == 0)
		rc = make_room(h, size);
	if (rc == 0 && ftruncate(h->snapshot_fd, size) < 0)
		rc = -errno;
	if (rc == 0)
		note_change(h);
	return rc;
}

errint_t draft_allocate(struct handle *h, int mode, off_t offset, off_t length)
{
	off_t end;
	errint_t rc;

	ACQUIRE_LOCK(draft_lock(h));
	rc = size_of(h, &end);
	if (rc == 0)
		rc = make_room(h, MAX(end, offset + length));
	if (rc == 0 && fallocate(h->snapshot_fd, mode, offset, length) < 0)
		rc = -errno;
	if (rc == 0)
		note_change(h);
	return rc;
}

off_t draft_seek(const struct handle *h, off_t offset, int whence)
{
	off_t at = h->snapshot_fd < 0 ? -1 : lseek(h->snapshot_fd, offset, whence);

	return h->snapshot_fd < 0 ? -EIO : at < 0 ? -errno : at;
}

struct time_set {
	uint32_t pid;
	int64_t mtime_ns;
};

static bool set_time_of(struct handle *h, void *arg)
{
	const struct time_set *t = arg;

	if (draft_is_due(h) && !atomic_load(&h->closing) && h->draft_owner == writer_process(t->pid))
		atomic_store(&h->draft_mtime_ns, t->mtime_ns);
	return true;
}

void draft_set_time(uint32_t node, uint32_t pid, int64_t mtime_ns)
{
	handle_index_each(node, set_time_of, &(struct time_set){pid, mtime_ns});
}

errint_t draft_copy(struct handle *h, struct draft_content *content)
{
	off_t end = 0;
	errint_t rc;
	ssize_t n;

	ACQUIRE_LOCK(draft_lock(h));
	rc = size_of(h, &end);
	*content = (struct draft_content){.size = (size_t)end,
					  .changes = atomic_load(&h->draft_changes),
					  .mtime_ns = atomic_load(&h->draft_mtime_ns)};
	content->data = rc == 0 ? malloc((size_t)end + 1) : NULL;
	if (!content->data)
		return rc < 0 ? rc : -ENOMEM;
	n = draft_read(h, content->data, content->size, 0);
	return n < 0 ? (errint_t)n : (size_t)n == content->size ? 0 : -EIO;
}

/* ---- in place ---- */

errint_t draft_put(struct backend *b, int ref, const void *data, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t rc = b->ops->write(b, ref, (const char *)data + done, n - done, (off_t)done, false);

		if (rc <= 0)
			return rc < 0 ? (errint_t)rc : -EIO;
		done += (size_t)rc;
	}
	return 0;
}

static errint_t spill_to(struct backend *b, struct handle *h, int ref, const struct draft_content *content)
{
	errint_t rc = draft_put(b, ref, content->data, content->size);

	if (rc < 0)
		return rc;
	handle_start_ledger(h, 0, 0);
	if (content->size)
		handle_wrote(h, 0, content->data, content->size);
	node_grown(&fs.arena->nodes[h->node], content->size);
	return 0;
}

errint_t draft_spill(struct backend *b, struct handle *h)
{
	struct draft_content content;
	errint_t rc = draft_copy(h, &content);
	int ref = -1;

	if (rc == 0 && call_answered())
		rc = -EBADFD; /* GUARD_POISONED */
	if (rc == 0)
		rc = b->ops->open(b, h->node, (int)h->flags | O_TRUNC, &ref);
	if (rc == 0 || ref >= 0)
		handle_truncation_ended(rc, h->node, NULL, 0);
	if (rc == 0)
		node_cut(&fs.arena->nodes[h->node], 0);
	if (rc == 0)
		rc = spill_to(b, h, ref, &content);
	free(content.data);
	if (rc < 0 && ref >= 0)
		b->ops->release(b, ref);
	if (rc < 0)
		return rc;
	/* The content stays in memory until the close: a read may be under way. */
	atomic_store(&h->epoch, atomic_load(&b->board->root_epoch));
	atomic_store(&h->fd, ref);
	atomic_store(&h->draft, DRAFT_NONE);
	return 0;
}
