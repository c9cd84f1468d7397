/* RENAME and RENAME2. Never across tiers (EXDEV), never a route's root or a directory above one (EBUSY). */
#include "base/log.h"
#include "fs/again.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/make.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/others.h"
#include "fs/publish.h"
#include "fs/statefiles.h"
#include "fs/suspects.h"
#include "fs/tiers.h"
#include "fs/view.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>

/* By the tier map; 0 or a positive errno. */
static int rename_forbidden(struct node *parent, const char *name, struct node *newparent,
			    const char *newname)
{
	struct route route;

	if (parent->backend != newparent->backend) {
		if (parent->backend == NODE_LOCAL && tiers_below(node_index(parent), name))
			return EBUSY;
		return EXDEV;
	}
	/* One directory at two places: the kernel has locked both, and cannot be told of names at the
	 * other before the answer (fs/others.h). */
	if (parent->backend != NODE_LOCAL)
		return parent != newparent && view_object(parent) == view_object(newparent) ? EXDEV : 0;
	if (tiers_below(node_index(parent), name) || tiers_below(node_index(newparent), newname))
		return EBUSY;
	/* A local directory must not come to a guarded place. */
	if (tiers_concern(node_index(newparent)) && tiers_pattern_at(node_index(newparent), newname, &route))
		return EXDEV;
	return 0;
}

/* Routes and patterns below go by its path. */
static void place_again(uint32_t parent, const char *name)
{
	struct found found;
	struct node *node;

	if (fs.local.ops->lookup(&fs.local, parent, name, &found) < 0 ||
	    !(S_ISDIR(found.st.st_mode) || found.mounted))
		return;
	node = node_intern_local(parent, name, &found, true);
	if (node)
		node_forget(node, 1);
}

static void note_renamed(struct backend *b, uint32_t p, const char *name, uint32_t np, const char *newname,
			 unsigned flags)
{
	struct node *replaced;

	if (!b->board) {
		/* Even without routes: some may come while the kernel looks nothing up. */
		place_again(np, newname);
		if (flags & RENAME_EXCHANGE)
			place_again(p, name);
		node_paths_changed();
		return;
	}
	if (!(flags & RENAME_EXCHANGE)) {
		replaced = node_find_guarded(np, newname, NODE_UNHELD);
		if (replaced && replaced != node_find_guarded(p, name, NODE_UNHELD))
			handle_name_removed(replaced, np);
	}
	suspects_renamed(b, p, name, np, newname, flags & RENAME_EXCHANGE);
	node_renamed(p, name, np, newname, flags & RENAME_EXCHANGE);
}

/* Before the nodes have their new names. */
static void note_names(const struct backend *b, uint32_t p, const char *name, uint32_t np,
		       const char *newname, unsigned flags, ssize_t rc, const struct listed_moment *begun)
{
	const struct node *node = b->board ? node_find_guarded(p, name, NODE_UNHELD) : NULL;
	const struct stat st = {.st_mode = node ? node->mode : 0};

	if (rc < 0 || !node || flags & ~(unsigned)RENAME_NOREPLACE) {
		names_doubted(b, p);
		names_doubted(b, np);
		return;
	}
	names_renamed(b, p, name, np, newname, &st, begun);
}

/* Did the dead worker note its rename? If nothing has the old name, it did. */
static bool is_noted(const struct backend *b, uint32_t parent, const char *name)
{
	return b->board && !node_find_guarded(parent, name, NODE_UNHELD);
}

/* The kernel makes the whiteout in our name. */
static void own_whiteout(fuse_req_t req, uint32_t parent, const char *name)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct stat want = {.st_uid = ctx->uid, .st_gid = ctx->gid}, dir;
	struct found found;
	struct node *node;

	if (fs.local.ops->getattr(&fs.local, parent, -1, &dir) < 0 ||
	    fs.local.ops->lookup(&fs.local, parent, name, &found) < 0 || !S_ISCHR(found.st.st_mode) ||
	    found.st.st_rdev != 0)
		return;
	node = node_intern_local(parent, name, &found, true);
	if (!node)
		return;
	/* It works all the same. */
	if (fs.local.ops->setattr(&fs.local, node_index(node), -1, &want,
				  SET_UID | (dir.st_mode & S_ISGID ? 0 : SET_GID), &found.st) < 0)
		log_debug("a whiteout stays root's");
	node_forget(node, 1);
}

static bool is_directory(struct node *parent, const char *name)
{
	const struct node *node = node_find_guarded(view_object_index(parent), name, NODE_UNHELD);

	return node && S_ISDIR(node->mode);
}

static void tell_others(struct node *parent, const char *name, struct node *newparent, const char *newname,
			unsigned flags)
{
	bool moved = parent != newparent, exchanged = flags & RENAME_EXCHANGE;
	bool came = moved && is_directory(newparent, newname);
	bool went = moved && exchanged && is_directory(parent, name);

	others_expire(parent, name, came);
	others_expire(newparent, newname, went);
	if (came && view_root_index(parent) != view_root_index(newparent))
		others_moved_in(newparent, newname);
	if (went && view_root_index(parent) != view_root_index(newparent))
		others_moved_in(parent, name);
}

void fs_rename(fuse_req_t req, fuse_ino_t parent_id, const char *name, fuse_ino_t newparent_id,
	       const char *newname, unsigned flags)
{
	struct node *parent = make_parent(req, parent_id, name, true), *newparent, *victim;
	struct found found;
	struct published_rename published = {.place = STATEFILES_NO_PLACE};
	struct backend *b;
	bool done_before = false, publishes, moves, moves_other;
	int place = STATEFILES_NO_PLACE, other_place = STATEFILES_NO_PLACE;
	struct listed_moment begun;
	uint32_t p, np;
	ssize_t rc;
	int err;

	newparent = parent ? make_parent(req, newparent_id, newname, false) : NULL;
	if (!newparent)
		return;
	err = rename_forbidden(parent, name, newparent, newname);
	if (err) {
		fuse_reply_err(req, err);
		return;
	}
	b = fs_backend(parent);
	p = view_object_index(parent);
	np = view_object_index(newparent);
	publishes = b->board && !(flags & ~(unsigned)RENAME_NOREPLACE) && statefiles_is_named(np, newname);
	moves = b->board && statefiles_is_named(p, name);
	/* RENAME_EXCHANGE gives it another name, too. */
	moves_other = b->board && flags & RENAME_EXCHANGE && statefiles_is_named(np, newname);
	if (!guard_enter(req, b, publishes ? OP_SYNC : OP_METADATA, GUARD_MUTATING, GUARD_TARGET_ALL))
		return;
	begun = names_begin(b);
	victim = b->board || flags ? NULL : make_losing(np, newname);
	/* No version is published under these names meanwhile. The kernel has locked their directories:
	 * nobody renames the other way round. */
	rc = moves ? statefiles_join(p, name, &place) : 0;
	if (rc == 0 && moves_other)
		rc = statefiles_join(np, newname, &other_place);
	if (rc == 0 && publishes)
		rc = publish_begin_rename(b, p, name, np, newname, &published);
	if (rc == 0)
		rc = b->ops->rename(b, p, name, np, newname, flags);
	make_lost(victim, rc == 0);
	note_names(b, p, name, np, newname, flags, rc, &begun);
	/* Gone here and not arrived there: it never existed. */
	if (rc == -ENOENT && again_is_running()) {
		errint_t there = b->ops->lookup(b, np, newname, &found);

		rc = there == -ENOENT ? rc : there;
		done_before = rc == 0;
		if (done_before)
			again_note(b);
	}
	if (rc == 0 && flags & RENAME_WHITEOUT && !b->board)
		own_whiteout(req, p, name);
	/* Before leaving, as in make.c: waiting requests find the present names. */
	if (rc == 0 && !(done_before && is_noted(b, p, name)))
		note_renamed(b, p, name, np, newname, flags);
	if (publishes)
		publish_end_rename(np, newname, &published, rc == 0);
	statefiles_leave(place);
	statefiles_leave(other_place);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc == 0 && b->board)
		tell_others(parent, name, newparent, newname, flags);
	fs_reply_rc(req, rc);
}
