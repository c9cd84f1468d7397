#include "fs/publish.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/draft.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/jobs.h"
#include "fs/node.h"
#include "fs/publish_draft.h"
#include "fs/publish_io.h"
#include "fs/publish_readers.h"
#include "fs/statefiles.h"
#include "fs/versions.h"
#include "fs/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static struct backend *backend_of(const struct handle *h)
{
	return &fs.guarded[h->backend];
}

/* The log has it once: if answered, by whichever of the two comes first (publish_killed). */
static void refuse_killed(struct handle *h, bool answered)
{
	uint32_t changes = atomic_load(&h->draft_changes);
	bool is_news = atomic_exchange(&h->draft_refused, changes) != changes;
	char path[4096];

	if (is_news || !answered)
		log_warning("%s: the program that rewrote it was killed: the former version stays",
			    publish_path_of(h, path, sizeof(path)));
}

/* Does this FLUSH, of thread pid, come of a close that means that the draft is whole? */
static bool is_finished(struct handle *h, uint32_t pid)
{
	switch (writer_closes(pid, h->draft_owner)) {
	case WRITER_CLOSES:
		/* It was killed, and may be gone: nobody can look at it any more. */
		if (call_answered())
			return false;
		if (!draft_is_blank(h))
			return true;
		/* Only emptied (docs/STATEFILES.md, "Closes"). */
		atomic_store(&h->closed_ns, clock_mono_ns());
		return false;
	case WRITER_KILLED:
		refuse_killed(h, call_answered());
		return false;
	default:
		return false;
	}
}

void publish_killed(uint64_t fh, uint32_t pid)
{
	struct handle *h = arena_handle(fs.arena, fh);

	if (h && draft_is_due(h) && writer_closes(pid, h->draft_owner) == WRITER_KILLED)
		refuse_killed(h, true);
}

/* Where the name leads now: the published version, or a later one. */
static errint_t open_published(struct backend *b, struct handle *h, int *ref)
{
	int place;
	errint_t rc = statefiles_join_node(h->node, &place);

	if (rc < 0)
		return rc;
	rc = b->ops->open(b, h->node, O_RDONLY, ref);
	if (rc == -EACCES)
		rc = b->ops->open(b, h->node, O_WRONLY, ref);
	statefiles_leave(place);
	return rc;
}

/* By this the rename outlasts a crash of the server (docs/STATEFILES.md, "How"). */
static errint_t sync_published(struct backend *b, struct handle *h)
{
	/* Another close may publish meanwhile. */
	const uint32_t published = atomic_load(&h->draft_published);
	int ref = -1;
	errint_t rc;

	rc = h->unlinked == HANDLE_NAMED ? open_published(b, h, &ref) : 0;
	/* It is gone, or another's is in its place. */
	if (rc == -ENOENT || rc == -ESTALE || rc == BACKEND_NODE_GONE)
		rc = 0;
	if (ref >= 0) {
		rc = publish_fsync(b, ref);
		b->ops->release(b, ref);
		/* No server says twice that a sync failed: all is published once more. */
		if (rc < 0)
			atomic_fetch_add(&h->draft_changes, 1);
	}
	/* Not before: another fsync(2), or this one run again by the next worker, must not take it for
	 * done. */
	if (rc == 0)
		atomic_store(&h->draft_synced, published);
	return rc;
}

static void sync_now(fuse_req_t req, struct handle *h, int (*reply)(fuse_req_t req, int error))
{
	struct backend *b = backend_of(h);
	ssize_t rc;

	if (!guard_enter(req, b, OP_SYNC, GUARD_MUTATING | GUARD_PARKABLE | GUARD_REWRITES,
			 guard_target_node(h->node))) {
		handle_put(h);
		return;
	}
	rc = sync_published(b, h);
	jobs_done(h, false, MIN(rc, (ssize_t)0));
	handle_put(h);
	if (guard_leave(req, b, &rc))
		reply(req, rc < 0 ? (int)-rc : 0);
}

void publish_sync(fuse_req_t req, struct handle *h, bool closes, int (*reply)(fuse_req_t req, int error))
{
	struct backend *b = backend_of(h);
	ssize_t rc;

	if (!closes && !draft_is_due(h) &&
	    atomic_load(&h->draft_published) != atomic_load(&h->draft_synced)) {
		sync_now(req, h, reply);
		return;
	}
	if (!draft_is_due(h) || (closes && !is_finished(h, (uint32_t)fuse_req_ctx(req)->pid))) {
		handle_put(h);
		reply(req, 0);
		return;
	}
	if (draft_is_torn(h)) {
		atomic_store(&h->draft_refused, atomic_load(&h->draft_changes));
		handle_put(h);
		jobs_error(ERRCLASS_STALE);
		fuse_reply_err(req, fs.config->error);
		return;
	}
	/* Whoever answers with an error, guardian too: from then on it must not be published by itself. */
	atomic_store(&h->draft_refused, atomic_load(&h->draft_changes));
	if (!guard_enter(req, b, OP_SYNC, GUARD_MUTATING | GUARD_PARKABLE | GUARD_REWRITES,
			 GUARD_TARGET_ALL)) {
		handle_put(h);
		return;
	}
	rc = publish_draft(b, h, !closes);
	if (rc == 0)
		atomic_store(&h->draft_refused, 0);
	jobs_done(h, false, MIN(rc, (ssize_t)0));
	handle_put(h);
	if (guard_leave(req, b, &rc))
		reply(req, rc < 0 ? (int)-rc : 0);
}

/* What cannot be opened is renamed all the same, if it is there. */
static errint_t sync_source(struct backend *b, struct node *node, struct published_rename *r)
{
	int ref = -1;
	errint_t rc = b->ops->open(b, node_index(node), O_RDONLY, &ref);

	if (rc < 0)
		return rc == BACKEND_NODE_GONE || rc == -EACCES ? 0 : rc;
	rc = publish_fsync(b, ref);
	if (rc == 0 && versions_are_kept() && node_size(node) <= statefiles_size())
		rc = publish_read(b, ref, node_size(node), &r->data, &r->size);
	b->ops->release(b, ref);
	return rc;
}

errint_t publish_begin_rename(struct backend *b, uint32_t p, const char *name, uint32_t np,
			      const char *newname, struct published_rename *r)
{
	struct node *source = node_find_guarded(p, name, NODE_PINNED);
	struct node *victim;
	errint_t rc = 0;

	*r = (struct published_rename){.place = STATEFILES_NO_PLACE};
	if (!source)
		return 0;
	rc = statefiles_begin(np, newname, &r->place);
	victim = rc == 0 ? node_find_guarded(np, newname, NODE_PINNED) : NULL;
	if (victim && victim != source)
		rc = publish_readers_begin(b, node_index(victim), &r->readers);
	if (victim)
		node_unpin(victim);
	if (rc == 0 && call_is_late())
		rc = GUARD_POISONED;
	if (rc == 0 && S_ISREG(source->mode))
		rc = sync_source(b, source, r);
	node_unpin(source);
	return rc == 0 && call_is_late() ? GUARD_POISONED : rc;
}

void publish_end_rename(uint32_t np, const char *newname, struct published_rename *r, bool renamed)
{
	const struct node *node = renamed && r->data ? node_find_guarded(np, newname, NODE_UNHELD) : NULL;

	publish_readers_end(&r->readers, renamed);
	statefiles_end(r->place);
	if (node)
		versions_add(node_index(node), r->data, r->size);
	free(r->data);
}
