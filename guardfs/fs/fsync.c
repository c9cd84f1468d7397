/* FLUSH and FSYNC. */
#include "fs/fsync.h"
#include "base/clock.h"
#include "fs/checkpoint.h"
#include "fs/checkpoint_wait.h"
#include "fs/draft.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/jobs.h"
#include "fs/publish.h"
#include "fs/sync_failed.h"
#include "policy/errclass.h"

#include <errno.h>

typedef errint_t (*sync_fn)(struct backend *b, struct handle *h, bool data_only);

static errint_t do_flush(struct backend *b, struct handle *h, bool data_only)
{
	(void)data_only;
	return b->ops->flush(b, atomic_load(&h->fd));
}

static errint_t do_fsync(struct backend *b, struct handle *h, bool data_only)
{
	return b->ops->fsync(b, atomic_load(&h->fd), data_only);
}

/* Within the guard. After an EIO a sync waits for the verdict (fs/sync_failed.h). *durable: if it succeeds all that
 * was confirmed is. */
static errint_t sync_certainly(struct backend *b, struct handle *h, sync_fn sync, bool data_only,
			       bool *durable)
{
	errint_t rc;

	*durable = sync == do_fsync;
	if (!b->board)
		return sync(b, h, data_only);
	*durable &= checkpoint_can_sync(b->index);
	if (sync_failed_is_doubted(h))
		return -EIO;
	rc = sync(b, h, data_only);
	/* Raw sshfs says 0, too, and programs depend on that. */
	if (rc == -EOPNOTSUPP && sync == do_fsync && !backend_is_plain(b->config->type)) {
		*durable = false;
		rc = 0;
	}
	return sync_failed_judge(h, rc);
}

static bool is_owed(const struct handle *h)
{
	return atomic_load(&fs.arena->nodes[h->node].flags) & NODE_BEHIND;
}

/* Before the answer: what is written after it is later. */
static void note_close(struct handle *h, bool stored)
{
	atomic_store(&h->closed_ns, clock_mono_ns());
	if (stored)
		atomic_store(&h->flushed, 1);
}

/* Errors are repeated until the close. reply: sends success. */
static void sync_handle(fuse_req_t req, uint64_t fh, sync_fn sync, bool data_only,
			int (*reply)(fuse_req_t req, int error))
{
	struct handle *h = handle_get(fh);
	struct backend *b;
	errint_t error = 0;
	bool closes = sync == do_flush, has_nothing, left, durable = false;
	uint32_t mark;
	ssize_t rc;

	if (!h || h->kind != HANDLE_FILE) {
		if (h)
			handle_put(h);
		reply(req, h ? 0 : EBADF);
		return;
	}
	jobs_begin(h);
	if (draft_is(h)) {
		publish_sync(req, h, closes, reply);
		return;
	}
	b = h->backend == NODE_LOCAL ? &fs.local : &fs.guarded[h->backend];
	if (b->board)
		sync_failed_settle(b, h);
	/* A loss is told before what was lost stops being owed: in this order none is missed. */
	has_nothing = closes && handle_unsynced(h) == 0 && !is_owed(h);
	if (atomic_load(&h->error)) {
		rc = atomic_load(&h->error);
		jobs_error(ERRCLASS_STALE);
		if (closes)
			note_close(h, false);
		handle_put(h);
		fuse_reply_err(req, (int)rc);
		return;
	}
	/* docs/INTERNALS.md, "Parking". */
	if (has_nothing) {
		note_close(h, false);
		handle_put(h);
		reply(req, 0);
		return;
	}
	if (!guard_enter(req, b, OP_SYNC, GUARD_MUTATING | GUARD_PARKABLE, guard_target_node(h->node))) {
		handle_put(h);
		return;
	}
	rc = handle_ensure(b, h);
	mark = handle_sync_begins(h);
	/* Closes are no faster than storage syncs. */
	if (sync == do_flush && checkpoint_is_crowded(h))
		sync = checkpoint_at_close;
	if (rc == 0)
		error = rc = sync_certainly(b, h, sync, data_only, &durable);
	/* Lost since the look above. */
	if (rc == 0)
		rc = -atomic_load(&h->error);
	if (rc == 0 && durable)
		handle_synced(h, mark);
	jobs_done(h, false, MIN(rc, (ssize_t)0));
	left = guard_leave(req, b, &rc);
	/* Storage's own error, which it gives once. */
	if (left && sync_failed_is(error) && !errclass_info(errclass_from_errno((int)-error))->infrastructure)
		sync_failed(b, h, (int)-error);
	if (left && closes)
		note_close(h, rc == 0);
	/* Else its caller was told something else. */
	if (left && reply(req, rc < 0 ? (int)-rc : 0) < 0 && closes && rc == 0)
		atomic_store(&h->flushed, 0);
	handle_put(h);
}

void fs_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	sync_handle(req, fi->fh, do_flush, false, fuse_reply_err);
}

void fs_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	sync_handle(req, fi->fh, do_fsync, datasync != 0, fuse_reply_err);
}

void fsync_for(fuse_req_t req, uint64_t fh, int (*reply)(fuse_req_t req, int error))
{
	struct handle *h = handle_get(fh);
	bool is_draft = h && draft_is(h);

	if (h)
		handle_put(h);
	/* Nothing of it is in its file yet, and it may be half of what is to be. */
	if (is_draft)
		reply(req, 0);
	else
		sync_handle(req, fh, do_fsync, false, reply);
}
