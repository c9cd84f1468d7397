/* READ, WRITE, FALLOCATE, LSEEK, COPY_FILE_RANGE. */
#include "fs/io.h"
#include "fs/again.h"
#include "fs/ahead.h"
#include "fs/append.h"
#include "fs/behind.h"
#include "fs/context.h"
#include "fs/doubt.h"
#include "fs/draft.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/jobs.h"
#include "fs/node.h"
#include "fs/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct backend *backend_of(const struct handle *h)
{
	return h->backend == NODE_LOCAL ? &fs.local : &fs.guarded[h->backend];
}

static struct node *node_of(const struct handle *h)
{
	return &fs.arena->nodes[h->node];
}

/* 0: storage is not doubted. */
static off_t known_end(const struct backend *b, struct handle *h)
{
	if (!b->board)
		return 0;
	return (off_t)(h->unlinked == HANDLE_STRAY ? handle_known_end(h) : node_size(node_of(h)));
}

static void note_written(const struct backend *b, struct handle *h, off_t offset, const char *data, ssize_t n)
{
	if (n <= 0 || !b->board)
		return;
	handle_wrote(h, (uint64_t)offset, data, (uint64_t)n);
	node_grown(node_of(h), (uint64_t)offset + (uint64_t)n);
}

/* In use; NULL: answered. */
static struct handle *file_handle(fuse_req_t req, uint64_t fh)
{
	struct handle *h = handle_get(fh);

	if (h && h->kind != HANDLE_FILE) {
		handle_put(h);
		h = NULL;
	}
	if (!h)
		fuse_reply_err(req, EBADF);
	return h;
}

static void read_snapshot(fuse_req_t req, struct handle *h, size_t size, off_t offset)
{
	ssize_t n = pread(h->snapshot_fd, call.data, MIN(size, (size_t)CALL_DATA_SIZE), offset);

	handle_put(h);
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_buf(req, (const char *)call.data, (size_t)n);
}

static void read_draft(fuse_req_t req, struct handle *h, size_t size, off_t offset)
{
	ssize_t n = draft_read(h, call.data, MIN(size, (size_t)CALL_DATA_SIZE), offset);

	jobs_done(h, false, n);
	handle_put(h);
	if (n < 0)
		fs_reply_rc(req, n);
	else
		fuse_reply_buf(req, (const char *)call.data, (size_t)n);
}

static ssize_t note_read(struct handle *h, uint32_t epoch, ssize_t n)
{
	errint_t rc = h->unlinked == HANDLE_STRAY ? handle_read_stray(h, epoch) : 0;

	return rc < 0 ? rc : n;
}

static ssize_t read_file(struct backend *b, struct handle *h, size_t size, off_t offset)
{
	bool measured = ahead_begins(b, size);
	uint32_t epoch = atomic_load(&h->epoch);
	ssize_t rc = b->ops->read(b, atomic_load(&h->fd), call.data, size, offset, known_end(b, h));

	if (measured)
		ahead_ends(b, rc);
	return rc >= 0 ? note_read(h, epoch, rc) : rc;
}

void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct handle *h = handle_get(fi->fh);
	struct backend *b;
	ssize_t rc;

	(void)ino;
	if (h && h->kind == HANDLE_SNAPSHOT) {
		read_snapshot(req, h, size, offset);
		return;
	}
	if (!h || h->kind != HANDLE_FILE) {
		if (h)
			handle_put(h);
		fuse_reply_err(req, EBADF);
		return;
	}
	b = backend_of(h);
	jobs_begin(h);
	if (draft_is(h)) {
		read_draft(req, h, size, offset);
		return;
	}
	if (!guard_enter(req, b, OP_READ, GUARD_NONE, 0)) {
		handle_put(h);
		return;
	}
	rc = handle_ensure(b, h);
	if (rc == 0)
		rc = read_file(b, h, MIN(size, (size_t)CALL_DATA_SIZE), offset);
	if (rc > 0 && b->board)
		board_count(b->board, COUNT_READ_BYTES, (uint64_t)rc);
	jobs_done(h, false, rc);
	handle_put(h);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc < 0)
		fs_reply_rc(req, rc);
	else
		fuse_reply_buf(req, (const char *)call.data, (size_t)rc);
}

/* A draft that has become too large goes on in place. */
static errint_t ensure_in_place(struct backend *b, struct handle *h)
{
	errint_t rc = draft_is_new(h) ? draft_spill(b, h) : 0;

	return rc == 0 && b->board && h->is_statefile && call_is_late() ? GUARD_POISONED : rc;
}

/* False: it has become too large. */
static bool write_draft(fuse_req_t req, struct handle *h, const char *data, size_t size, off_t offset,
			bool appends)
{
	ssize_t n = draft_write(h, data, size, offset, appends);

	if (n == -EFBIG)
		return false;
	jobs_done(h, true, n);
	if (n < 0)
		fs_reply_rc(req, n);
	else
		fuse_reply_write(req, (size_t)n);
	return true;
}

static ssize_t write_at(struct backend *b, struct handle *h, const char *data, size_t size, off_t offset,
			bool kill_priv)
{
	int ref;
	ssize_t rc = handle_ensure_for(b, h, false, &ref);

	if (rc == 0)
		rc = b->ops->write(b, ref, data, size, offset, kill_priv);
	note_written(b, h, offset, data, rc);
	return rc;
}

/* By the caller's flags at that moment (F_SETFL); a mapping's pages go where they belong. */
static bool is_append(const struct fuse_file_info *fi)
{
	return fi->flags & O_APPEND && !fi->writepage;
}

/* Not for pages of mappings or direct I/O: several of one file may be under way at once. */
static bool goes_behind(const struct backend *b, const struct fuse_file_info *fi, size_t size, bool kill_priv)
{
	return b->board && b->config->durability == DURABILITY_BEHIND && size > 0 && size <= EXTENT_SIZE &&
	       !fi->writepage && !kill_priv && !(fi->flags & (O_DIRECT | O_DSYNC)) && guard_takes_writes(b);
}

/* False: ask storage. */
static bool write_behind(fuse_req_t req, struct backend *b, struct handle *h, const char *data, size_t size,
			 off_t offset, const struct fuse_file_info *fi)
{
	if (call_answered())
		return false;
	switch (behind_take(b, h, call.unique, data, size, (uint64_t)offset, is_append(fi))) {
	case BEHIND_TAKEN:
		board_count(b->board, COUNT_WRITTEN_BYTES, size);
		jobs_done(h, true, (ssize_t)size);
		fuse_reply_write(req, size);
		return true;
	case BEHIND_NO_ROOM:
		if (guard_await_room(req, b, h->node) == GUARD_DOWN)
			fuse_reply_err(req, fs.config->error);
		return true;
	default:
		return false;
	}
}

void fs_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
	      struct fuse_file_info *fi)
{
	struct handle *h = file_handle(req, fi->fh);
	bool kill_priv = wire_write_kills_priv(call.buffer), was_draft;
	struct backend *b;
	ssize_t rc;

	(void)ino;
	if (!h)
		return;
	jobs_begin(h);
	if (atomic_load(&h->error)) {
		if (again_is_running())
			doubt_raise(call.buffer); /* the first run may have made it */
		jobs_error(ERRCLASS_STALE);
		fuse_reply_err(req, atomic_load(&h->error));
		handle_put(h);
		return;
	}
	if (draft_is_new(h) && write_draft(req, h, data, size, offset, is_append(fi))) {
		handle_put(h);
		return;
	}
	b = backend_of(h);
	if (!draft_is_new(h) && goes_behind(b, fi, size, kill_priv) &&
	    write_behind(req, b, h, data, size, offset, fi)) {
		handle_put(h);
		return;
	}
	was_draft = draft_is_new(h);
	/* Whoever answers with an error, guardian too: its close must not publish it without these bytes. */
	if (was_draft)
		draft_misses(h, offset, size, is_append(fi));
	if (!guard_enter(req, b, OP_WRITE, GUARD_MUTATING | GUARD_PARKABLE, guard_target_node(h->node))) {
		handle_put(h);
		return;
	}
	rc = ensure_in_place(b, h);
	if (rc == 0)
		rc = is_append(fi) ? append_write(b, h, data, size, kill_priv)
				   : write_at(b, h, data, size, offset, kill_priv);
	if (rc > 0 && b->board)
		board_count(b->board, COUNT_WRITTEN_BYTES, (uint64_t)rc);
	if (was_draft && rc == (ssize_t)size)
		draft_wrote(h, offset, size, is_append(fi));
	jobs_done(h, true, rc);
	handle_put(h);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc < 0)
		fs_reply_rc(req, rc);
	else
		fuse_reply_write(req, (size_t)rc);
}

void fs_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
		  struct fuse_file_info *fi)
{
	struct handle *h = file_handle(req, fi->fh);
	struct backend *b;
	ssize_t rc;

	(void)ino;
	if (!h)
		return;
	b = backend_of(h);
	jobs_begin(h);
	rc = draft_is_new(h) ? draft_allocate(h, mode, offset, length) : -EFBIG;
	if (rc != -EFBIG) {
		handle_put(h);
		fs_reply_rc(req, rc);
		return;
	}
	if (!guard_enter(req, b, OP_WRITE, GUARD_MUTATING, guard_target_node(h->node))) {
		handle_put(h);
		return;
	}
	rc = ensure_in_place(b, h);
	if (rc == 0)
		rc = handle_ensure(b, h);
	if (rc == 0)
		rc = b->ops->fallocate(b, atomic_load(&h->fd), mode, offset, length);
	/* A hole, zeros; what lies behind a range taken out or put in moves. */
	if (b->board && mode & ~FALLOC_FL_KEEP_SIZE)
		handle_spoil(h, (uint64_t)offset,
			     mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)
				 ? UINT64_MAX - (uint64_t)offset
				 : (uint64_t)length);
	jobs_done(h, false, MIN(rc, (ssize_t)0));
	handle_put(h);
	if (guard_leave(req, b, &rc))
		fs_reply_rc(req, rc);
}

void fs_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
	struct handle *h = file_handle(req, fi->fh);
	struct backend *b;
	ssize_t rc;

	(void)ino;
	if (!h)
		return;
	b = backend_of(h);
	if (draft_is(h)) {
		rc = draft_seek(h, offset, whence);
		handle_put(h);
		if (rc < 0)
			fs_reply_rc(req, rc);
		else
			fuse_reply_lseek(req, rc);
		return;
	}
	if (!guard_enter(req, b, OP_METADATA, GUARD_NONE, 0)) {
		handle_put(h);
		return;
	}
	rc = handle_ensure(b, h);
	if (rc == 0)
		rc = b->ops->lseek(b, atomic_load(&h->fd), offset, whence);
	handle_put(h);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc < 0)
		fs_reply_rc(req, rc);
	else
		fuse_reply_lseek(req, rc);
}

/* The kernel asks for up to 2 GiB: a caller with a deadline gets one WRITE's worth at a time. */
#define COPY_GUARDED_MAX CALL_DATA_SIZE

static ssize_t copy_through(struct backend *b, struct handle *in, off_t off_in, int out, off_t off_out,
			    size_t length)
{
	ssize_t n = b->ops->read(b, atomic_load(&in->fd), call.data, length, off_in, known_end(b, in));

	if (n <= 0)
		return n;
	if (call_answered())
		return GUARD_POISONED; /* too late to write */
	return b->ops->write(b, out, call.data, (size_t)n, off_out, false);
}

/* An early end may be a cut: read and write look twice. */
static ssize_t copy_range(struct backend *b, struct handle *in, off_t off_in, int out, off_t off_out,
			  size_t length)
{
	off_t end = known_end(b, in);
	uint32_t epoch = atomic_load(&in->epoch);
	ssize_t rc = b->ops->copy_range(b, atomic_load(&in->fd), off_in, out, off_out, length);
	bool cut = b->board && rc >= 0 && (size_t)rc < length && off_in + rc < end;

	if (cut || (b->board && rc == -EOPNOTSUPP))
		rc = copy_through(b, in, off_in, out, off_out, length);
	return rc >= 0 ? note_read(in, epoch, rc) : rc;
}

static ssize_t copy_for_request(struct backend *b, struct handle *in, off_t off_in, struct handle *out,
				off_t off_out, size_t length)
{
	ssize_t rc = handle_ensure(b, in);
	int ref = -1;

	if (b->board)
		length = MIN(length, (size_t)COPY_GUARDED_MAX);
	if (rc == 0)
		rc = handle_ensure_for(b, out, false, &ref);
	if (rc == 0)
		rc = copy_range(b, in, off_in, ref, off_out, length);
	note_written(b, out, off_out, NULL, rc);
	jobs_done(out, true, rc);
	return rc;
}

void fs_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in, struct fuse_file_info *fi_in,
			fuse_ino_t ino_out, off_t off_out, struct fuse_file_info *fi_out, size_t length,
			int flags)
{
	struct handle *in = file_handle(req, fi_in->fh), *out;
	struct backend *b;
	ssize_t rc;

	(void)ino_in;
	(void)ino_out;
	(void)flags;
	if (!in)
		return;
	out = file_handle(req, fi_out->fh);
	if (!out) {
		handle_put(in);
		return;
	}
	b = backend_of(in);
	jobs_begin(out);
	/* The kernel then reads and writes instead. */
	if (in->backend != out->backend || draft_is(in) || draft_is(out)) {
		fuse_reply_err(req, EXDEV);
	} else if (guard_enter(req, b, OP_WRITE, GUARD_MUTATING, guard_target_node(out->node))) {
		rc = copy_for_request(b, in, off_in, out, off_out, length);
		if (guard_leave(req, b, &rc)) {
			if (rc < 0)
				fs_reply_rc(req, rc);
			else
				fuse_reply_write(req, (size_t)rc);
		}
	}
	handle_put(in);
	handle_put(out);
}
