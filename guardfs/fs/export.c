#include "fs/export.h"
#include "fs/entry.h"
#include "fs/guard.h"
#include "fs/look.h"
#include "fs/view.h"

#include <errno.h>

/* The kernel has no reference to the node yet: it is pinned before it is counted. */

/* With a lookup; NULL: gone. */
static struct node *find_exported(struct node *node, bool above)
{
	if (above)
		return view_above(node);
	node_look_up(node);
	return node;
}

/* Within the guard. */
static ssize_t look_at_exported(struct backend *b, struct node *node, struct stat *st)
{
	ssize_t rc = b->ops->getattr(b, view_object_index(node), -1, st);

	return rc == -ENOENT ? BACKEND_NODE_GONE : rc;
}

static void reply_found(fuse_req_t req, struct node *node)
{
	struct stat st = {0};

	if (node->backend == NODE_VIRTUAL)
		entry_virtual_stat(node, &st);
	else
		node_recall(view_object(node), &st);
	entry_reply(req, node, &st);
}

/* Local nodes, and those shown from memory. */
static void answer_unguarded(fuse_req_t req, struct node *node)
{
	struct stat st;
	errint_t rc = 0;

	if (node->backend == NODE_LOCAL)
		rc = fs.local.ops->getattr(&fs.local, node_index(node), -1, &st);
	if (rc < 0) {
		node_forget(node, 1);
		fuse_reply_err(req, rc == -ENOENT ? ESTALE : -rc);
	} else if (node->backend == NODE_LOCAL) {
		entry_reply(req, node, &st);
	} else {
		reply_found(req, node);
	}
}

static void answer_guarded(fuse_req_t req, struct node *node)
{
	struct backend *b = fs_backend(node);
	struct stat st;
	ssize_t rc;

	if (!guard_enter(req, b, OP_METADATA, GUARD_NONE, 0)) {
		node_forget(node, 1);
		return;
	}
	rc = look_at_exported(b, node, &st);
	if (!guard_leave(req, b, &rc)) {
		node_forget(node, 1);
	} else if (rc < 0) {
		node_forget(node, 1);
		fs_reply_rc(req, rc);
	} else {
		look_tell(b, view_object(node), 0, &st);
		entry_reply(req, node, &st);
	}
}

void export_lookup(fuse_req_t req, fuse_ino_t id, const char *name)
{
	struct node *node = node_hold(id), *found;

	found = node ? find_exported(node, name[1] == '.') : NULL;
	if (!found)
		fuse_reply_err(req, ESTALE);
	else if (found->backend >= NODE_VIRTUAL || found->flags & NODE_ROUTE_ROOT)
		answer_unguarded(req, found);
	else
		answer_guarded(req, found);
	if (node)
		node_unpin(node);
}
