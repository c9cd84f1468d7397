#include "fs/publish_draft.h"
#include "base/log.h"
#include "fs/names.h"
#include "fs/doubt.h"
#include "fs/draft.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/look.h"
#include "fs/node.h"
#include "fs/others.h"
#include "fs/publish_beside.h"
#include "fs/publish_io.h"
#include "fs/statefiles.h"
#include "fs/suspects.h"
#include "fs/versions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static struct node *node_of(const struct handle *h)
{
	return &fs.arena->nodes[h->node];
}

static errint_t end_step(errint_t rc)
{
	return rc == 0 && call_is_late() ? GUARD_POISONED : rc;
}

/* In the file itself, as without drafts (docs/STATEFILES.md, "What is no rewriting"). */
static errint_t rewrite_in_place(struct backend *b, const struct publication *p)
{
	int ref = -1;
	errint_t rc = end_step(0), closed;

	if (rc < 0)
		return rc;
	versions_add(p->node, p->content->data, p->content->size);
	draft_cuts(p->h);
	rc = b->ops->open(b, p->node, O_WRONLY | O_TRUNC, &ref);
	(void)draft_is_cut(p->h, rc);
	handle_truncation_ended(rc, p->node, NULL, 0);
	rc = end_step(rc);
	if (rc == 0)
		rc = end_step(draft_put(b, ref, p->content->data, p->content->size));
	if (rc == 0)
		rc = publish_fsync(b, ref);
	if (ref >= 0) {
		closed = b->ops->release(b, ref);
		rc = rc < 0 ? rc : closed;
	}
	if (rc == 0)
		draft_settle(b, p->h, 0, 0);
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
		draft_rebase(p->node, &found.st);
	} else {
		node_cut(node, 0);
		node_grown(node, p->content->size);
	}
	suspects_emptied(p->node);
	/* Before the answer (docs/STATEFILES.md, "How"). The file is open, hence not being evicted. */
	if (!atomic_load(&p->h->closing))
		doubt_node(node);
	others_drop_pages(node);
}

/* It is not the version that the draft began from, nor another draft's: others' writes in place end here. */
static void keep_changed(struct backend *b, const struct publication *p)
{
	struct version base = {p->h->draft_base_size, p->h->draft_base_mtime_ns};
	char path[4096];
	bool kept;

	/* An unfinished publication, of a dead worker or a lost connection, may have been made. */
	if (version_is_same(base, version_of(&p->old.st)) || atomic_load(&p->h->draft_beside))
		return;
	kept = versions_former(b, p->node, &p->old.st, true);
	log_warning("%s: it was changed in place while it was being rewritten; that version is replaced%s",
		    publish_path_of(p->h, path, sizeof(path)), kept ? " (guardctl generations has it)" : "");
}

static errint_t replace_file(struct backend *b, struct publication *p)
{
	errint_t rc = b->ops->lookup(b, p->parent, p->name, &p->old);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	p->is_there = rc == 0;
	if (p->is_there && !S_ISREG(p->old.st.st_mode))
		return BACKEND_NODE_GONE;
	if (p->is_there) {
		versions_former(b, p->node, &p->old.st, false);
		keep_changed(b, p);
	}
	if ((p->is_there && p->old.st.st_nlink > 1) || node_names(&fs.arena->nodes[p->node]) > 1 ||
	    draft_has_writers(p->node, NULL))
		return rewrite_in_place(b, p);
	rc = publish_beside(b, p);
	if (rc == PUBLISH_IN_PLACE)
		rc = rewrite_in_place(b, p);
	publish_beside_end(b, p, rc);
	return rc;
}

/* Nobody is at the name now, and unlink(2) and rename(2) wait: is it still the one read? */
static bool has_moved(const struct publication *p)
{
	const struct handle *h = p->h;
	char name[NAME_LENGTH_MAX + 1];
	uint32_t parent;

	return h->unlinked != HANDLE_NAMED || node_place(node_of(h), &parent, name) < 0 ||
	       parent != p->parent || strcmp(name, p->name) != 0;
}

/* -EAGAIN: it was renamed or removed meanwhile. */
static errint_t publish_as(struct backend *b, struct publication *p)
{
	int place = STATEFILES_NO_PLACE;
	errint_t rc = node_place(node_of(p->h), &p->parent, p->name);

	if (rc == 0)
		rc = statefiles_begin(p->parent, p->name, &place);
	if (rc == 0 && has_moved(p))
		rc = -EAGAIN;
	else if (rc == 0)
		rc = replace_file(b, p);
	if (rc == 0)
		atomic_store(&p->h->draft_published, p->content->changes);
	/* Missing attributes are no error any more. After an error of the last sync the file is the new
	 * one, too. */
	if (rc == 0 || p->is_replaced)
		note_published(b, p);
	if (place != STATEFILES_NO_PLACE)
		names_doubted(b, p->parent);
	statefiles_end(place);
	return rc;
}

errint_t publish_draft(struct backend *b, struct handle *h, bool durable)
{
	struct draft_content content = {.data = NULL};
	struct publication p = {.h = h, .node = h->node, .content = &content, .durable = durable};
	errint_t rc = draft_copy(h, &content);

	if (rc < 0) {
		free(content.data);
		return GUARD_POISONED; /* ours, not storage's */
	}
	do
		rc = h->unlinked == HANDLE_NAMED ? publish_as(b, &p) : 0;
	while (rc == -EAGAIN && !call_is_late());
	if (rc == -EAGAIN)
		rc = GUARD_POISONED;
	if (rc == 0 && h->unlinked == HANDLE_NAMED)
		versions_add(h->node, content.data, content.size);
	draft_settle(b, h, rc, content.size);
	/* A file removed, or replaced by another through the mount, is published nowhere. */
	if (rc == 0) {
		atomic_store(&h->draft_published, content.changes);
		if (durable)
			atomic_store(&h->draft_synced, content.changes);
	}
	free(content.data);
	return rc;
}

const char *publish_path_of(const struct handle *h, char *path, size_t size)
{
	return node_last_path(h->node, path, size) < 0 ? "a file whose name is not known any more" : path;
}
