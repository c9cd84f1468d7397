#include "fs/draft.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "fs/handle.h"
#include "fs/guard.h"
#include "fs/handle_index.h"
#include "fs/node.h"
#include "fs/statefiles.h"
#include "fs/suspects.h"
#include "fs/versions.h"
#include "fs/wire.h"
#include "fs/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOCKS 64u

/* A draft's content, with its count of changes. Never held across a call into a backend. */
static pthread_mutex_t draft_locks[LOCKS] = {[0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER};

static pthread_mutex_t *draft_lock(const struct handle *h)
{
	return &draft_locks[h->node % LOCKS];
}

/* ---- beginning ---- */

struct writers {
	const struct handle *but;
	uint64_t now_ns;
	/* One was closed just now: it goes when its RELEASE is read, unless it has a duplicate. */
	bool leaves;
};

static bool is_not_writer(struct handle *h, void *arg)
{
	struct writers *w = arg;

	if (h == w->but || h->kind != HANDLE_FILE || (h->flags & O_ACCMODE) == O_RDONLY || draft_is(h) ||
	    h->unlinked || atomic_load(&h->closing))
		return true;
	w->leaves = w->now_ns < atomic_load(&h->closed_ns) + DRAFT_RELEASE_NS;
	return false;
}

bool draft_has_writers(uint32_t node, const struct handle *h)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct writers w = {.but = h, .now_ns = clock_mono_ns()};
	uint64_t until_ns = w.now_ns + DRAFT_RELEASE_NS;

	while (!handle_index_each(node, is_not_writer, &w)) {
		if (!w.leaves || w.now_ns >= until_ns || call_is_late())
			return true;
		nanosleep(&pause, NULL);
		w.now_ns = clock_mono_ns();
	}
	return false;
}

bool draft_may_begin(const struct node *node, const struct stat *st, const struct handle *h)
{
	return S_ISREG(st->st_mode) && st->st_nlink <= 1 && node_names(node) == 1 &&
	       !(st->st_mode & (S_ISUID | S_ISGID)) && (uint64_t)st->st_size <= statefiles_size() &&
	       !draft_has_writers(node_index(node), h);
}

static void reset_draft(struct handle *h, int fd)
{
	h->snapshot_fd = fd;
	h->draft_owner = 0;
	atomic_store(&h->draft_refused, 0);
	atomic_store(&h->draft_changes, 1);
	atomic_store(&h->draft_published, 0);
	atomic_store(&h->draft_synced, 0);
	atomic_store(&h->draft_mtime_ns, INT64_MIN);
	atomic_store(&h->draft_atime_ns, INT64_MIN);
	atomic_store(&h->closed_ns, 0);
	atomic_store(&h->draft_beside, 0);
	h->draft_failed_from = h->draft_failed_to = 0;
}

static void set_base(struct handle *h, const struct stat *st)
{
	struct version version = version_of(st);

	h->draft_base_size = version.size;
	h->draft_base_mtime_ns = version.mtime_ns;
}

errint_t draft_begin(struct handle *h, const struct stat *st)
{
	/* One that has gone on in place has its memory still. */
	int fd = h->snapshot_fd >= 0 ? h->snapshot_fd : handle_memfd("guardfs-draft");

	if (fd < 0)
		return fd;
	if (fd == h->snapshot_fd && ftruncate(fd, 0) < 0)
		return -errno;
	reset_draft(h, fd);
	set_base(h, st);
	atomic_store(&h->draft, DRAFT_NEW);
	return 0;
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

errint_t draft_keep(struct handle *h, int version, size_t size)
{
	int fd = -1;

	if (version >= 0 && !handle_count_listing(h, (uint32_t)((size + 1023) >> 10)))
		return -EDQUOT;
	if (version >= 0)
		fd = dup(version);
	if (version >= 0 && fd < 0)
		return -errno;
	reset_draft(h, fd);
	atomic_store(&h->draft, DRAFT_KEPT);
	return 0;
}

/* ---- content ---- */

ssize_t draft_read(const struct handle *h, void *data, size_t size, off_t offset)
{
	ssize_t n = h->snapshot_fd < 0 ? -1 : pread(h->snapshot_fd, data, size, offset);

	return h->snapshot_fd < 0 ? -EIO : n < 0 ? -errno : n;
}

errint_t draft_size(const struct handle *h, off_t *size)
{
	struct stat st;

	if (h->snapshot_fd < 0)
		return -EIO;
	if (fstat(h->snapshot_fd, &st) < 0)
		return -errno;
	*size = st.st_size;
	return 0;
}

/* Counts memory to its user. */
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
	atomic_store(&h->draft_atime_ns, INT64_MIN);
	atomic_fetch_add(&h->draft_changes, 1);
}

/* Under the lock. */
static void note_missing(struct handle *h, uint64_t from, uint64_t to)
{
	h->draft_failed_from = h->draft_failed_to ? MIN(h->draft_failed_from, from) : from;
	h->draft_failed_to = MAX(h->draft_failed_to, to);
}

/* Under the lock: programs that go on write the missing bytes again from the first on. */
static void note_there(struct handle *h, uint64_t from, uint64_t to)
{
	if (from <= h->draft_failed_from && to > h->draft_failed_from)
		h->draft_failed_from = to;
	if (h->draft_failed_from >= h->draft_failed_to)
		h->draft_failed_from = h->draft_failed_to = 0;
}

/* Under the lock. */
static uint64_t begin_of(const struct handle *h, off_t offset, bool appends)
{
	off_t end = 0;

	return (uint64_t)(appends && draft_size(h, &end) == 0 ? end : offset);
}

void draft_misses(struct handle *h, off_t offset, size_t n, bool appends)
{
	uint64_t from;

	ACQUIRE_LOCK(draft_lock(h));
	from = begin_of(h, offset, appends);
	note_missing(h, from, from + n);
}

void draft_wrote(struct handle *h, off_t offset, size_t n, bool appends)
{
	uint64_t from;

	ACQUIRE_LOCK(draft_lock(h));
	from = begin_of(h, offset, appends);
	note_there(h, from, from + n);
}

bool draft_refused_write(const uint8_t *buffer)
{
	struct handle *h = NULL;
	uint64_t fh, offset;
	uint32_t size;
	bool appends, is_draft;

	if (wire_write_of(buffer, &fh, &offset, &size, &appends))
		h = handle_get(fh);
	is_draft = h && draft_is_new(h);
	if (is_draft)
		draft_misses(h, (off_t)offset, size, appends);
	if (h)
		handle_put(h);
	return is_draft;
}

bool draft_refused(struct arena *arena, const uint8_t *buffer)
{
	struct handle *h = NULL;
	uint64_t fh, offset;
	uint32_t size;
	bool appends, writes = wire_write_of(buffer, &fh, &offset, &size, &appends);

	if (writes || wire_sync_of(buffer, &fh))
		h = arena_handle(arena, fh);
	if (!h || !draft_is_new(h))
		return false;
	if (writes)
		draft_misses(h, (off_t)offset, size, appends);
	else
		atomic_store(&h->draft_refused, atomic_load(&h->draft_changes));
	return writes;
}

bool draft_is_torn(struct handle *h)
{
	ACQUIRE_LOCK(draft_lock(h));
	return h->draft_failed_to != 0;
}

/* The slot tells a second run. */
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
	rc = draft_is_new(h) ? draft_size(h, &end) : -EFBIG;
	if (rc == 0 && appends)
		offset = append_offset(end);
	if (rc == 0)
		rc = make_room(h, MAX(end, offset + (off_t)n));
	if (rc < 0)
		return rc;
	done = pwrite(h->snapshot_fd, data, n, offset);
	rc = done < 0 ? -errno : 0;
	if (done > 0)
		note_change(h);
	note_there(h, (uint64_t)offset, (uint64_t)offset + (uint64_t)MAX(done, (ssize_t)0));
	if (done < (ssize_t)n)
		note_missing(h, (uint64_t)(offset + MAX(done, (ssize_t)0)), (uint64_t)offset + n);
	return rc < 0 ? rc : done;
}

errint_t draft_cut(struct handle *h, off_t size)
{
	off_t end;
	errint_t rc;

	ACQUIRE_LOCK(draft_lock(h));
	rc = draft_is_new(h) ? draft_size(h, &end) : -EFBIG;
	if (rc == 0)
		rc = make_room(h, size);
	if (rc == 0 && ftruncate(h->snapshot_fd, size) < 0)
		rc = -errno;
	if (rc == 0)
		note_change(h);
	if (rc == 0 && size == 0)
		h->draft_failed_from = h->draft_failed_to = 0;
	return rc;
}

errint_t draft_allocate(struct handle *h, int mode, off_t offset, off_t length)
{
	off_t end;
	errint_t rc;

	ACQUIRE_LOCK(draft_lock(h));
	rc = draft_is_new(h) ? draft_size(h, &end) : -EFBIG;
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

struct times_set {
	uint32_t process;
	const struct stat *want;
	unsigned set;
	bool found;
};

static int64_t ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * (int64_t)NSEC_PER_SEC + t->tv_nsec;
}

/* Now: it gets that when it is published. */
static bool set_times_of(struct handle *h, void *arg)
{
	struct times_set *t = arg;

	if (!draft_is_due(h) || atomic_load(&h->closing) || h->draft_owner != t->process)
		return true;
	t->found = true;
	if (t->set & SET_MTIME)
		atomic_store(&h->draft_mtime_ns,
			     t->set & SET_MTIME_NOW ? INT64_MIN : ns_of(&t->want->st_mtim));
	if (t->set & SET_ATIME)
		atomic_store(&h->draft_atime_ns,
			     t->set & SET_ATIME_NOW ? INT64_MIN : ns_of(&t->want->st_atim));
	return true;
}

static bool is_no_draft(struct handle *h, void *arg)
{
	(void)arg;
	return !draft_is_due(h);
}

bool draft_set_times(uint32_t node, uint32_t pid, const struct stat *want, unsigned set)
{
	struct times_set t = {.want = want, .set = set};

	if (handle_index_each(node, is_no_draft, NULL))
		return false;
	t.process = writer_process(pid);
	if (t.process)
		handle_index_each(node, set_times_of, &t);
	return t.found;
}

errint_t draft_copy(struct handle *h, struct draft_content *content)
{
	off_t end = 0;
	errint_t rc;
	ssize_t n;

	ACQUIRE_LOCK(draft_lock(h));
	rc = draft_size(h, &end);
	*content = (struct draft_content){.size = (size_t)end,
					  .changes = atomic_load(&h->draft_changes),
					  .mtime_ns = atomic_load(&h->draft_mtime_ns),
					  .atime_ns = atomic_load(&h->draft_atime_ns)};
	content->data = rc == 0 ? malloc((size_t)end + 1) : NULL;
	if (!content->data)
		return rc < 0 ? rc : -ENOMEM;
	n = draft_read(h, content->data, content->size, 0);
	return n < 0 ? (errint_t)n : (size_t)n == content->size ? 0 : -EIO;
}

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

/* The file was cut, and perhaps written in part. */
static void file_damaged(struct backend *b, uint32_t node, uint64_t size)
{
	struct ledger ranges = {0};

	if (size == 0)
		return;
	ledger_put(&ranges, 0, size, LEDGER_ACKNOWLEDGED);
	suspects_file(b, node,
		      &(struct suspected){.news = SUSPECT_FAILED,
					  .error = fs.config->error,
					  .size = size,
					  .overwrote = true,
					  .ranges = &ranges});
}

void draft_cuts(struct handle *h)
{
	/* 2: already before. */
	atomic_store(&h->draft_cut, atomic_load(&h->draft_cut) ? 2 : 1);
}

bool draft_is_cut(struct handle *h, errint_t rc)
{
	if (rc < 0 && !errclass_info(errclass_from_errno(-rc))->infrastructure &&
	    atomic_load(&h->draft_cut) == 1)
		atomic_store(&h->draft_cut, 0);
	return atomic_load(&h->draft_cut) != 0;
}

void draft_settle(struct backend *b, struct handle *h, errint_t rc, uint64_t size)
{
	if (atomic_exchange(&h->draft_cut, 0) && rc < 0)
		file_damaged(b, h->node, size);
}

void draft_closes(struct handle *h)
{
	off_t size;

	if (!atomic_load(&h->draft_cut))
		return;
	if (draft_size(h, &size) < 0)
		size = 1; /* it was lost with guardian and worker */
	draft_settle(&fs.guarded[h->backend], h, -fs.config->error, (uint64_t)size);
}

static errint_t unless_late(errint_t rc)
{
	return rc == 0 && call_is_late() ? GUARD_POISONED : rc;
}

/* A descriptor that a draft had all the same: its users came before the draft, or a worker died ending it. */
struct former_fd {
	int fd;
	uint32_t epoch;
};

/* The draft ends, unless it was changed meanwhile: -EAGAIN. */
static errint_t end_draft(struct backend *b, struct handle *h, int ref, const struct draft_content *content,
			  struct former_fd *before)
{
	ACQUIRE_LOCK(draft_lock(h));
	if (atomic_load(&h->draft_changes) != content->changes)
		return -EAGAIN;
	handle_start_ledger(h, 0, 0);
	if (content->size)
		handle_wrote(h, 0, content->data, content->size);
	/* The content stays in memory until the close: a read may be under way. */
	before->epoch = atomic_load(&h->epoch);
	before->fd = atomic_exchange(&h->fd, ref);
	atomic_store(&h->epoch, atomic_load(&b->board->root_epoch));
	atomic_store(&h->draft, DRAFT_NONE);
	return 0;
}

/* In use, its number stays taken. */
static void close_former(struct backend *b, const struct handle *h, const struct former_fd *before)
{
	if (before->fd < 0 || atomic_load(&h->users) > 1)
		return;
	if (before->epoch == atomic_load(&b->board->root_epoch))
		b->ops->release(b, before->fd);
	else
		b->ops->drop(b, before->fd);
}

static errint_t spill_once(struct backend *b, struct handle *h)
{
	struct stat former = {.st_size = (off_t)node_size(&fs.arena->nodes[h->node])};
	struct draft_content content;
	errint_t rc = draft_copy(h, &content);
	struct former_fd before = {.fd = -1};
	int ref = -1;
	bool cut = draft_is_cut(h, 0);

	if (rc == 0)
		(void)versions_former(b, h->node, &former, false);
	rc = unless_late(rc);
	if (rc == 0) {
		draft_cuts(h);
		rc = b->ops->open(b, h->node, (int)h->flags | O_TRUNC, &ref);
		cut = draft_is_cut(h, rc);
	}
	if (rc != GUARD_POISONED)
		handle_truncation_ended(rc, h->node, NULL, 0);
	if (rc == 0)
		node_cut(&fs.arena->nodes[h->node], 0);
	rc = unless_late(rc);
	if (rc == 0)
		rc = unless_late(draft_put(b, ref, content.data, content.size));
	if (rc == 0)
		node_grown(&fs.arena->nodes[h->node], content.size);
	if (rc == 0)
		rc = end_draft(b, h, ref, &content, &before);
	free(content.data);
	close_former(b, h, &before);
	if (rc < 0 && ref >= 0)
		b->ops->release(b, ref);
	if (rc != -EAGAIN)
		draft_settle(b, h, rc, content.size);
	call.changed_nothing = rc < 0 && !cut;
	return rc;
}

errint_t draft_spill(struct backend *b, struct handle *h)
{
	int place;
	errint_t rc = statefiles_join_node(h->node, &place);

	if (rc < 0)
		return rc;
	do
		rc = draft_is_new(h) ? spill_once(b, h) : 0;
	while (rc == -EAGAIN);
	statefiles_leave(place);
	return rc;
}
