/* publish.c: see publish.h. docs/STATEFILES.md says what is seen when anybody dies between two steps. */
#include "fs/publish.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/dirs.h"
#include "fs/draft.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/jobs.h"
#include "fs/look.h"
#include "fs/node.h"
#include "fs/others.h"
#include "fs/publish_beside.h"
#include "fs/publish_io.h"
#include "fs/publish_readers.h"
#include "fs/statefiles.h"
#include "fs/suspects.h"
#include "fs/versions.h"
#include "fs/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct backend *backend_of(const struct handle *h)
{
	return &fs.guarded[h->backend];
}

static struct node *node_of(const struct handle *h)
{
	return &fs.arena->nodes[h->node];
}

/* ---- one draft ---- */

/* In the file itself, as without drafts: it has other names, or is open for writing otherwise, or no file can be put
 * beside it. */
static errint_t rewrite_in_place(struct backend *b, const struct publication *p)
{
	int ref = -1;
	errint_t rc = b->ops->open(b, p->node, O_WRONLY | O_TRUNC, &ref), closed;

	if (rc == 0)
		handle_truncation_ended(rc, p->node, NULL, 0);
	if (rc == 0)
		rc = draft_put(b, ref, p->content->data, p->content->size);
	if (rc == 0)
		rc = publish_fsync(b, ref);
	if (ref >= 0) {
		closed = b->ops->release(b, ref);
		rc = rc < 0 ? rc : closed;
	}
	return rc;
}

/* What the kernel and guardfs know of the node's file is what it has become. */
static void note_published(struct backend *b, const struct publication *p)
{
	struct node *node = &fs.arena->nodes[p->node];
	struct found found;

	if (b->ops->lookup(b, p->parent, p->name, &found) == 0 && S_ISREG(found.st.st_mode)) {
		node_became(node, &found.st);
		look_tell_change(node, &found.st);
	} else {
		node_cut(node, 0);
		node_grown(node, p->content->size);
	}
	suspects_emptied(p->node);
	others_drop_pages(node);
}

static errint_t replace_file(struct backend *b, struct publication *p)
{
	struct found found;
	errint_t rc = b->ops->lookup(b, p->parent, p->name, &found);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	p->is_there = rc == 0;
	if (p->is_there)
		p->old = found.st;
	if (p->is_there && !S_ISREG(p->old.st_mode))
		return BACKEND_NODE_GONE;
	if ((p->is_there && p->old.st_nlink > 1) || draft_has_writers(p->node, NULL))
		return rewrite_in_place(b, p);
	versions_former(b, p->node, p->is_there ? &p->old : NULL);
	rc = publish_beside(b, p);
	return rc == PUBLISH_IN_PLACE ? rewrite_in_place(b, p) : rc;
}

/* Within the guard, as a change of everything. 0 or -errno. */
static errint_t publish_draft(struct backend *b, struct handle *h)
{
	struct draft_content content = {.data = NULL};
	struct publication p = {.node = h->node, .content = &content};
	errint_t rc = draft_copy(h, &content);
	int place = STATEFILES_NO_PLACE;

	if (rc == 0 && h->unlinked == HANDLE_NAMED)
		rc = node_place(node_of(h), &p.parent, p.name);
	else if (rc < 0)
		rc = GUARD_POISONED; /* ours, not storage's */
	if (rc == 0 && h->unlinked == HANDLE_NAMED) {
		rc = statefiles_begin(p.parent, p.name, &place);
		if (rc == 0)
			rc = replace_file(b, &p);
		if (rc == 0)
			note_published(b, &p);
		dirs_changed(b, p.parent);
		statefiles_end(place);
		if (rc == 0)
			versions_add(h->node, content.data, content.size);
	}
	/* A file that was removed, or replaced by another through the mount, is published nowhere. */
	if (rc == 0)
		atomic_store(&h->draft_published, content.changes);
	free(content.data);
	return rc;
}

/* ---- FLUSH, FSYNC, RELEASE ---- */

static const char *path_of(const struct handle *h, char *path, size_t size)
{
	return node_last_path(h->node, path, size) < 0 ? "a file whose name is not known any more" : path;
}

/* Does this FLUSH come of a close that means that the draft is whole? */
static bool is_finished(fuse_req_t req, struct handle *h)
{
	char path[4096];

	switch (writer_closes((uint32_t)fuse_req_ctx(req)->pid, h->draft_owner)) {
	case WRITER_CLOSES:
		/* A shell duplicates what it has opened for a program, and closes it. */
		return !draft_is_blank(h);
	case WRITER_KILLED:
		atomic_store(&h->draft_refused, 1);
		log_warning("%s: the program that rewrote it was killed: the former version stays",
			    path_of(h, path, sizeof(path)));
		return false;
	default:
		return false;
	}
}

void publish_sync(fuse_req_t req, struct handle *h, bool closes, int (*reply)(fuse_req_t req, int error))
{
	struct backend *b = backend_of(h);
	ssize_t rc;

	if (!draft_is_due(h) || (closes && !is_finished(req, h))) {
		handle_put(h);
		reply(req, 0);
		return;
	}
	/* Whoever answers with an error, guardian too: from then on it must not be published by itself. */
	atomic_store(&h->draft_refused, 1);
	if (!guard_enter(req, b, OP_SYNC, GUARD_MUTATING | GUARD_PARKABLE, GUARD_TARGET_ALL)) {
		handle_put(h);
		return;
	}
	rc = publish_draft(b, h);
	if (rc == 0)
		atomic_store(&h->draft_refused, 0);
	jobs_done(h, false, MIN(rc, (ssize_t)0));
	handle_put(h);
	if (guard_leave(req, b, &rc))
		reply(req, rc < 0 ? (int)-rc : 0);
}

/* Nobody is told: the file is suspect, if what its writer was told is not so. */
static void tell_lost(struct backend *b, struct handle *h, errint_t error)
{
	struct draft_content content = {.data = NULL};
	struct ledger ranges = {0};
	char path[4096];

	if (draft_copy(h, &content) == 0 && content.size > 0 && !draft_is_blank(h)) {
		ledger_put(&ranges, 0, content.size, LEDGER_ACKNOWLEDGED);
		suspects_file(b, h->node,
			      &(struct suspected){.news = SUSPECT_LOST,
						  .error = fs.config->error,
						  .size = content.size,
						  .overwrote = true,
						  .ranges = &ranges});
	}
	log_error("%s: its new content was not published: %s; the former version stays",
		  path_of(h, path, sizeof(path)), strerror((int)-error));
	free(content.data);
}

void publish_last(struct handle *h)
{
	struct backend *b;
	errint_t rc = -EIO;

	if (!draft_is_due(h) || atomic_load(&h->draft_refused) || h->unlinked != HANDLE_NAMED)
		return;
	b = backend_of(h);
	if (guard_enter_quietly(b, GUARD_TARGET_ALL, h->uid)) {
		call.slot->mutating = 1; /* others wait for it as for a rename */
		rc = publish_draft(b, h);
		guard_leave_quietly(b, rc == GUARD_POISONED ? 0 : rc);
	}
	if (rc < 0)
		tell_lost(b, h, rc == GUARD_POISONED ? -EIO : rc);
}

/* ---- renames ---- */

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
		rc = publish_keep_readers(b, node_index(victim));
	if (victim)
		node_unpin(victim);
	if (rc == 0 && S_ISREG(source->mode))
		rc = sync_source(b, source, r);
	node_unpin(source);
	return rc;
}

void publish_end_rename(uint32_t np, const char *newname, struct published_rename *r, bool renamed)
{
	const struct node *node = renamed && r->data ? node_find_guarded(np, newname, NODE_UNHELD) : NULL;

	statefiles_end(r->place);
	if (node)
		versions_add(node_index(node), r->data, r->size);
	free(r->data);
}
