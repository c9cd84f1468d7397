/* LOOKUP and FORGET. */
#include "fs/lookup.h"
#include "fs/dirs.h"
#include "fs/entry.h"
#include "fs/export.h"
#include "fs/guard.h"
#include "fs/links.h"
#include "fs/listed.h"
#include "fs/look.h"
#include "fs/missed.h"
#include "fs/node.h"
#include "fs/publish_last.h"
#include "fs/statefiles.h"
#include "fs/tiers.h"
#include "fs/view.h"
#include "fs/virtual.h"
#include "fs/wire.h"
#include "policy/statefile.h"

#include <errno.h>

/* From memory, with zero cache times. */
static void recall_entry(struct fuse_entry_param *e, struct node *node)
{
	struct stat st;

	node_recall(view_object(node), &st);
	entry_fill(e, node, &st);
	e->entry_timeout = e->attr_timeout = 0;
}

/* NULL: none. */
static struct node *promised_node(const struct slot *slot)
{
	return slot->fallback_length ? node_from_id(wire_entry_node(slot->fallback)) : NULL;
}

void lookup_forget_promised(struct slot *slot)
{
	struct node *node = promised_node(slot);

	if (node)
		node_forget(node, 1);
}

/* The node that the kernel may hold under this name becomes the fallback. */
static struct node *promise_node(struct slot *slot, struct node *parent, const char *name)
{
	struct node *known = view_find(parent, name, NODE_LOOKED_UP);
	struct fuse_entry_param e;

	if (!known)
		return NULL;
	recall_entry(&e, known);
	slot->fallback_length =
	    (uint32_t)wire_entry_reply(slot->fallback, SLOT_FALLBACK_MAX, call.unique, &e);
	return known;
}

/* Whether guardian answers or we. */
static void reply_recalled(fuse_req_t req, struct node *known)
{
	struct fuse_entry_param e;

	recall_entry(&e, known);
	call.slot->spent = 1;
	fuse_reply_entry(req, &e);
}

/* Then the names in it are unknown. */
static bool target_is_missing(struct backend *b, struct node *node)
{
	struct stat st;

	return node->flags & NODE_ROUTE_ROOT &&
	       b->ops->getattr(b, view_object_index(node), -1, &st) == -ENOENT;
}

/* Does the name still exist? Over sshfs that opens the file. */
static ssize_t find_known(struct backend *b, struct node *known, uint32_t parent, const char *name,
			  struct found *found)
{
	bool is_statefile = S_ISREG(known->mode) && statefiles_is_named(parent, name);
	ssize_t rc = is_statefile ? publish_last_await(b, node_index(known), false) : 0;
	int place;

	if (rc < 0)
		return rc;
	place = is_statefile ? statefiles_enter(parent, name) : STATEFILES_NO_PLACE;
	if (place == STATEFILES_REPLACED)
		return BACKEND_NODE_GONE;
	look_enter(known);
	rc = b->ops->find(b, parent, name, found);
	look_leave(known);
	statefiles_leave(place);
	return rc;
}

static errint_t judge_known(struct backend *b, struct node *known, uint32_t parent, const char *name,
			    const struct stat *st)
{
	errint_t rc = links_settle(b, known, &(struct link_name){parent, name}, st);

	return rc == 0 && look_is_another(b, known, st) ? BACKEND_NODE_GONE : rc;
}

/* Its directory was there when it was listed, or made. */
static errint_t listed_missing(struct found *found)
{
	found->dir_is_there = true;
	return -ENOENT;
}

/* Those are not listed, or have two states. */
static bool may_lack(uint32_t parent, const char *name)
{
	return !statefiles_is_named(parent, name) && !statefile_is_beside(name);
}

static bool is_known_missing(const struct backend *b, uint32_t parent, const char *name)
{
	return listed_lacks(b, parent, name) || missed_lacks(b, parent, name);
}

/* A node that the kernel holds is answered for in an outage too (slot.fallback); `known` carries one
 * lookup for that. If ours comes too late, guardian gave it. */
static void lookup_guarded(fuse_req_t req, struct backend *b, struct node *parent, const char *name)
{
	struct slot *slot = call.slot;
	/* A second run has its promise already. */
	struct node *known = slot->fallback_length ? promised_node(slot) : promise_node(slot, parent, name),
		    *node;
	uint32_t p = view_object_index(parent);
	struct found found = {0};
	struct listed_moment begun;
	double age_s = 0;
	bool replaced = false, asked = false;
	int sent;
	ssize_t rc;

	switch (guard_try(req, b, OP_METADATA, known ? GUARD_BY_NAME | GUARD_RECALLS : GUARD_NONE, 0)) {
	case GUARD_GO:
		break;
	case GUARD_DOWN:
		if (known)
			reply_recalled(req, known);
		else
			fuse_reply_err(req, fs.config->error);
		return;
	case GUARD_GONE:
		return;
	}
	begun = listed_now(b);
	if (!statefiles_is_named(p, name) && listed_find(b, p, name, &found, &age_s)) {
		rc = 0;
	} else if (!known && may_lack(p, name) && is_known_missing(b, p, name)) {
		rc = listed_missing(&found);
	} else {
		asked = true;
		rc = known ? find_known(b, known, p, name, &found) : b->ops->lookup(b, p, name, &found);
	}
	if (rc == -ENOENT && !found.dir_is_there && target_is_missing(b, parent))
		rc = -EIO;
	if (rc == 0 && known) {
		rc = judge_known(b, known, p, name, &found.st);
		replaced = rc == BACKEND_NODE_GONE;
	}
	bool infrastructure = rc < 0 && errclass_info(errclass_from_errno((int)-rc))->infrastructure;

	if (!guard_leave(req, b, &rc))
		return;
	if (infrastructure && known) {
		reply_recalled(req, known);
		return;
	}
	if (replaced && !call_answered()) {
		node_vanished(known, p, name);
		rc = 0;
	}
	if (rc == -ENOENT && asked && !known && may_lack(p, name))
		missed_note(b, p, name, &begun);
	if (rc < 0) {
		/* After guardian's answer the name may have been made anew. */
		if (rc == -ENOENT && known && !call_answered())
			node_vanished(view_object(known), p, name);
		sent = fuse_reply_err(req, (int)-rc);
	} else {
		node = entry_intern(parent, name, &found);
		if (node) {
			node_prefer(view_object(node), p, name);
			look_found(view_object(node));
			dirs_seen(b, view_object_index(node), &found.st,
				  call.entered_ns - (uint64_t)(age_s * NSEC_PER_SEC));
		}
		sent = entry_reply_aged(req, node, &found.st, age_s);
	}
	if (known && sent != -ENOENT)
		node_forget(known, 1);
}

static void lookup_local(fuse_req_t req, struct node *parent, const char *name)
{
	struct found found;
	errint_t rc = fs.local.ops->lookup(&fs.local, node_index(parent), name, &found);

	if (rc < 0)
		fs_reply_rc(req, rc);
	else
		entry_reply(req, entry_intern(parent, name, &found), &found.st);
}

/* Storage is not asked. */
static void reply_root(fuse_req_t req, struct node *root)
{
	struct stat st = {0};

	if (root)
		node_recall(view_object(root), &st);
	entry_reply(req, root, &st);
}

/* Within the guard. 0: *dir is a directory's node, pinned. */
static errint_t look_at_target(struct backend *b, const char *target, struct node **dir)
{
	const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
	char above[CONFIG_PATH_MAX] = "";
	struct node *parent;
	struct found found;
	errint_t rc;

	memcpy(above, target, slash ? (size_t)(slash - target) : 0);
	rc = view_target(b, above, &parent);
	if (rc < 0)
		return rc;
	rc = b->ops->lookup(b, node_index(parent), name, &found);
	if (rc == 0 && !S_ISDIR(found.st.st_mode))
		rc = -ENOTDIR;
	*dir = rc == 0 ? node_intern_guarded(b, node_index(parent), name, &found.st, NODE_PINNED) : NULL;
	node_unpin(parent);
	if (rc == BACKEND_NODE_GONE)
		rc = -ENOENT; /* not a directory with names in it */
	return rc == 0 && !*dir ? -ENOMEM : rc;
}

/* On the backend, else local: in an outage a guess might put a guarded path on the local disk. */
static void lookup_pattern(fuse_req_t req, struct node *parent, const char *name, const struct route *route)
{
	struct backend *b = &fs.guarded[route->backend];
	struct node *target = NULL;
	ssize_t rc;

	if (!guard_enter(req, b, OP_METADATA, GUARD_NONE, 0))
		return;
	rc = look_at_target(b, route->target, &target);
	if (guard_leave(req, b, &rc)) {
		if (rc == 0)
			rc = tiers_add(route);
		else if (rc == -ENOENT || rc == -ENOTDIR)
			rc = 1;
		if (rc == 0)
			reply_root(req, view_route_root(node_index(parent), name, route, NODE_LOOKED_UP));
		else if (rc > 0)
			lookup_local(req, parent, name);
		else
			fs_reply_rc(req, rc);
	}
	if (target)
		node_unpin(target);
}

static void lookup_virtual(fuse_req_t req, struct node *dir, const char *name)
{
	struct stat st;
	struct node *node;
	int id;

	if (dir->ino == VIRTUAL_BACKENDS) {
		int i = config_find_backend(fs.config, name);

		if (i < 0) {
			fuse_reply_err(req, ENOENT);
			return;
		}
		reply_root(req, view_backend_root(&fs.guarded[i], NODE_LOOKED_UP));
		return;
	}
	id = virtual_lookup((unsigned)dir->ino, name);
	if (id < 0) {
		fuse_reply_err(req, -id);
		return;
	}
	node = node_intern_virtual((unsigned)id, true);
	if (node)
		entry_virtual_stat(node, &st);
	entry_reply(req, node, &st);
}

void fs_lookup(fuse_req_t req, fuse_ino_t parent_id, const char *name)
{
	struct node *parent = node_from_id(parent_id);
	struct route route;
	uint32_t p;

	if (!parent) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	p = node_index(parent);
	if (export_is_asked(name)) {
		export_lookup(req, parent_id, name);
	} else if (parent->backend == NODE_VIRTUAL) {
		lookup_virtual(req, parent, name);
	} else if (parent->backend != NODE_LOCAL && !(p == 0 && strcmp(name, VIRTUAL_DIR_NAME) == 0)) {
		lookup_guarded(req, fs_backend(parent), parent, name);
	} else if (p == 0 && strcmp(name, VIRTUAL_DIR_NAME) == 0) {
		struct stat st;
		struct node *node = node_intern_virtual(VIRTUAL_DIR, true);

		if (node)
			entry_virtual_stat(node, &st);
		entry_reply(req, node, &st);
	} else if (!tiers_concern(p)) {
		lookup_local(req, parent, name);
	} else if (tiers_route_at(p, name, &route)) {
		reply_root(req, view_route_root(p, name, &route, NODE_LOOKED_UP));
	} else if (tiers_pattern_at(p, name, &route)) {
		lookup_pattern(req, parent, name, &route);
	} else {
		lookup_local(req, parent, name);
	}
}

void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct node *node = node_from_id(ino);

	if (node)
		node_forget(node, nlookup);
	fuse_reply_none(req);
}

void fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++) {
		struct node *node = node_from_id(forgets[i].ino);

		if (node)
			node_forget(node, forgets[i].nlookup);
	}
	fuse_reply_none(req);
}
