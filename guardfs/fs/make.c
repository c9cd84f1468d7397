/* MKNOD, MKDIR, SYMLINK, LINK, UNLINK, RMDIR. */
#include "fs/make.h"
#include "base/cleanup.h"
#include "fs/again.h"
#include "fs/context.h"
#include "fs/entry.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/links.h"
#include "fs/look.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/others.h"
#include "fs/statefiles.h"
#include "fs/suspects.h"
#include "fs/tiers.h"
#include "fs/view.h"
#include "fs/virtual.h"
#include "policy/statefile.h"

#include <errno.h>

struct node *make_parent(fuse_req_t req, fuse_ino_t parent_id, const char *name, bool removing)
{
	struct node *parent = node_from_id(parent_id);

	if (!parent) {
		fuse_reply_err(req, ESTALE);
		return NULL;
	}
	if (parent->backend == NODE_VIRTUAL) {
		fuse_reply_err(req, EROFS);
		return NULL;
	}
	if (node_index(parent) == 0 && strcmp(name, VIRTUAL_DIR_NAME) == 0) {
		fuse_reply_err(req, removing ? EROFS : EEXIST);
		return NULL;
	}
	/* Ours, and listed for nobody. */
	if (!removing && parent->backend < CONFIG_BACKENDS_MAX && statefile_is_beside(name)) {
		fuse_reply_err(req, EPERM);
		return NULL;
	}
	return parent;
}

static bool is_route(const struct node *parent, const char *name, struct route *route)
{
	uint32_t p = node_index(parent);

	return parent->backend == NODE_LOCAL && tiers_concern(p) && tiers_route_at(p, name, route);
}

static errint_t make_in(struct backend *b, const struct make_args *a, uint32_t p, const char *name,
			const struct caller *c, struct found *found)
{
	switch (a->what) {
	case MAKE_NODE:
		return b->ops->mknod(b, p, name, a->mode, a->rdev, c, found);
	case MAKE_DIR:
		return b->ops->mkdir(b, p, name, a->mode, c, found);
	case MAKE_SYMLINK:
		return b->ops->symlink(b, a->target, p, name, c, found);
	case MAKE_LINK:
		return b->ops->link(b, a->node, p, name, found);
	}
	return -EINVAL;
}

static void note_made(struct backend *b, const struct make_args *a, uint32_t p, const char *name,
		      const struct stat *st, const struct listed_moment *begun)
{
	if (a->what == MAKE_LINK)
		names_linked(b, p, name, st, begun);
	else
		names_made(b, p, name, st, begun);
	if (b->board && a->what == MAKE_LINK) {
		suspects_linked(b, a->node, p, name);
		links_made(b, &fs.arena->nodes[a->node], p, name, st);
	}
}

static void note_new(struct backend *b, const struct node *dir, const struct stat *st,
		     const struct listed_moment *begun)
{
	names_new(b, node_index(dir), st, begun);
	if (b->board)
		look_created(dir, st, begun->at_ns, true);
}

/* For all four makers. */
static void make_object(fuse_req_t req, struct node *parent, const char *name, const struct make_args *a)
{
	struct backend *b = fs_backend(parent);
	uint32_t p = view_object_index(parent);
	struct caller caller = fs_caller(req);
	struct listed_moment begun;
	struct found found;
	struct route route;
	struct node *node;
	ssize_t rc;

	if (is_route(parent, name, &route)) {
		fuse_reply_err(req, EEXIST);
		return;
	}
	if (!guard_enter(req, b, OP_METADATA, GUARD_MUTATING, guard_target_name(p, name)))
		return;
	begun = names_begin(b);
	rc = make_in(b, a, p, name, &caller, &found);
	rc = again_made(b, p, name, a, &caller, &found, (errint_t)rc);
	if (rc == 0)
		note_made(b, a, p, name, &found.st, &begun);
	else
		names_doubted(b, p);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc < 0) {
		fs_reply_rc(req, rc);
		return;
	}
	node = entry_intern(parent, name, &found);
	if (node && a->what == MAKE_DIR && !again_is_running())
		note_new(b, view_object(node), &found.st, &begun);
	entry_reply(req, node, &found.st);
}

void fs_mknod(fuse_req_t req, fuse_ino_t parent_id, const char *name, mode_t mode, dev_t rdev)
{
	struct node *parent = make_parent(req, parent_id, name, false);

	if (parent)
		make_object(req, parent, name,
			    &(struct make_args){.what = MAKE_NODE, .mode = mode, .rdev = rdev});
}

void fs_symlink(fuse_req_t req, const char *target, fuse_ino_t parent_id, const char *name)
{
	struct node *parent = make_parent(req, parent_id, name, false);

	if (!parent)
		return;
	if (fs_hides_link(fs_backend(parent), target))
		fuse_reply_err(req, EPERM); /* nobody could read it */
	else
		make_object(req, parent, name, &(struct make_args){.what = MAKE_SYMLINK, .target = target});
}

void fs_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent_id, const char *newname)
{
	struct node *node = node_from_id(ino);
	struct node *newparent = make_parent(req, newparent_id, newname, false);

	if (!newparent)
		return;
	if (!node || node->backend != newparent->backend)
		fuse_reply_err(req, node ? EXDEV : ESTALE);
	else
		make_object(req, newparent, newname,
			    &(struct make_args){.what = MAKE_LINK, .node = node_index(node)});
}

/* Walks to the directory above target, making missing ones if `create`. *name: target's last component, in
 * buf. Inside the guard. Counts no lookups; *dir is pinned. */
static errint_t walk_above(struct backend *b, char *buf, bool create, struct node **dir, char **name)
{
	static const struct caller root = {.umask = 022};
	struct node *next;
	struct found found;
	errint_t rc = 0;
	char *slash;

	*name = buf;
	*dir = view_backend_root(b, NODE_PINNED);
	if (!*dir)
		return -ENOMEM;
	for (; rc == 0 && (slash = strchr(*name, '/')); *name = slash + 1) {
		*slash = '\0';
		rc = b->ops->lookup(b, node_index(*dir), *name, &found);
		if (rc == -ENOENT && create) {
			rc = b->ops->mkdir(b, node_index(*dir), *name, 0755, &root, &found);
			names_doubted(b, node_index(*dir));
		}
		next =
		    rc == 0 ? node_intern_guarded(b, node_index(*dir), *name, &found.st, NODE_PINNED) : NULL;
		if (!next) {
			rc = rc < 0 ? rc : -ENOMEM;
			break;
		}
		node_unpin(*dir);
		*dir = next;
	}
	if (rc < 0)
		node_unpin(*dir);
	return rc;
}

static errint_t make_target(struct backend *b, const char *target, mode_t mode, const struct caller *c,
			    struct found *found)
{
	char buf[CONFIG_PATH_MAX], *name;
	struct node *dir;
	errint_t rc = copy_string(buf, sizeof(buf), target);

	if (rc == 0)
		rc = walk_above(b, buf, true, &dir, &name);
	if (rc < 0)
		return rc;
	rc = b->ops->mkdir(b, node_index(dir), name, mode | S_IFDIR, c, found);
	rc = again_made(b, node_index(dir), name, &(struct make_args){.what = MAKE_DIR}, c, found, rc);
	names_doubted(b, node_index(dir));
	if (rc == 0 && !node_intern_guarded(b, node_index(dir), name, &found->st, NODE_UNHELD))
		rc = -ENOMEM;
	node_unpin(dir);
	return rc;
}

/* On the backend or not at all. */
static void mkdir_routed(fuse_req_t req, uint32_t parent, const char *name, mode_t mode,
			 const struct route *route)
{
	struct backend *b = &fs.guarded[route->backend];
	struct caller caller = fs_caller(req);
	struct found found;
	ssize_t rc;

	if (!guard_enter(req, b, OP_METADATA, GUARD_MUTATING, guard_target_name(parent, name)))
		return;
	rc = make_target(b, route->target, mode, &caller, &found);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc == 0)
		rc = tiers_add(route);
	if (rc < 0) {
		fs_reply_rc(req, rc);
		return;
	}
	entry_reply(req, view_route_root(parent, name, route, NODE_LOOKED_UP), &found.st);
}

void fs_mkdir(fuse_req_t req, fuse_ino_t parent_id, const char *name, mode_t mode)
{
	struct node *parent = make_parent(req, parent_id, name, false);
	struct route route;

	if (!parent)
		return;
	if (parent->backend == NODE_LOCAL && tiers_concern(node_index(parent)) &&
	    !is_route(parent, name, &route) && tiers_pattern_at(node_index(parent), name, &route))
		mkdir_routed(req, node_index(parent), name, mode, &route);
	else
		make_object(req, parent, name, &(struct make_args){.what = MAKE_DIR, .mode = mode | S_IFDIR});
}

/* ---- removing ---- */

struct node *make_losing(uint32_t parent, const char *name)
{
	struct found found;
	struct node *node;

	if (fs.local.ops->lookup(&fs.local, parent, name, &found) < 0 ||
	    (!S_ISDIR(found.st.st_mode) && found.st.st_nlink > 1))
		return NULL;
	node = node_find_local(&found);
	if (!node)
		return NULL;
	atomic_fetch_or(&node->flags, NODE_KEEPS_FD);
	if (fs.local.ops->getattr(&fs.local, node_index(node), -1, &found.st) == 0) /* opens it */
		return node;
	make_lost(node, false);
	return NULL;
}

void make_lost(struct node *node, bool lost)
{
	if (!node)
		return;
	if (!lost) {
		atomic_fetch_and(&node->flags, (uint8_t)~NODE_KEEPS_FD);
		nodefd_drop(fs.arena, node_index(node));
	}
	node_unpin(node);
}

/* Before leaving: a request waiting for a late task on this name may make it anew at once. */
static void name_is_removed(uint32_t parent, const char *name, bool directory)
{
	struct node *node = node_find_guarded(parent, name, NODE_UNHELD);

	if (node && !directory)
		handle_name_removed(node, parent);
	suspects_removed(&fs.guarded[fs.arena->nodes[parent].backend], parent, name);
	node_unlinked(parent, name);
}

/* It may hold unlisted files: removed ones that are open (sshfs), leftovers of rewritings. */
static errint_t remove_directory(struct backend *b, uint32_t parent, const char *name)
{
	errint_t rc = b->ops->rmdir(b, parent, name, false);
	struct node *dir;

	if (rc != -ENOTEMPTY || !b->board)
		return rc;
	dir = node_find_guarded(parent, name, NODE_PINNED);
	if (!dir)
		return rc;
	if (handle_is_removed_from(node_index(dir)))
		rc = b->ops->rmdir(b, parent, name, true);
	if (rc == -ENOTEMPTY) {
		rc = statefiles_clear(b, node_index(dir));
		if (rc == 0)
			rc = b->ops->rmdir(b, parent, name, false);
	}
	node_unpin(dir);
	return rc;
}

/* No version is published under the name meanwhile. 0 or -errno. */
static errint_t remove_file(struct backend *b, uint32_t p, const char *name, int *place)
{
	errint_t rc = 0;

	if (b->board && statefiles_is_named(p, name))
		rc = statefiles_join(p, name, place);
	return rc < 0 ? rc : b->ops->unlink(b, p, name);
}

static void remove_name(fuse_req_t req, struct node *parent, const char *name, bool directory)
{
	struct backend *b = fs_backend(parent);
	uint32_t p = view_object_index(parent);
	int place = STATEFILES_NO_PLACE;
	struct listed_moment begun;
	struct node *node;
	ssize_t rc;

	if (!guard_enter(req, b, OP_METADATA, GUARD_MUTATING, guard_target_name(p, name)))
		return;
	begun = names_begin(b);
	node = b->board ? NULL : make_losing(p, name);
	rc = directory ? remove_directory(b, p, name) : remove_file(b, p, name, &place);
	make_lost(node, rc == 0);
	rc = again_removed(b, (errint_t)rc);
	if (rc == 0)
		names_removed(b, p, name, &begun);
	else
		names_doubted(b, p);
	if (rc == 0 && b->board)
		name_is_removed(p, name, directory);
	statefiles_leave(place);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc == 0)
		others_expire(parent, name, directory);
	fs_reply_rc(req, rc);
}

void fs_unlink(fuse_req_t req, fuse_ino_t parent_id, const char *name)
{
	struct node *parent = make_parent(req, parent_id, name, true);
	struct route route;

	if (!parent)
		return;
	if (is_route(parent, name, &route))
		fuse_reply_err(req, EISDIR);
	else
		remove_name(req, parent, name, false);
}

static errint_t remove_target(struct backend *b, const char *target)
{
	char buf[CONFIG_PATH_MAX], *name;
	struct node *dir;
	errint_t rc = copy_string(buf, sizeof(buf), target);

	if (rc == 0)
		rc = walk_above(b, buf, false, &dir, &name);
	if (rc < 0)
		return rc;
	rc = again_removed(b, remove_directory(b, node_index(dir), name));
	names_doubted(b, node_index(dir));
	if (rc == 0)
		name_is_removed(node_index(dir), name, true);
	node_unpin(dir);
	return rc;
}

/* A pattern's route goes with its directory; a manifest's is busy, like a mountpoint. */
static void rmdir_route(fuse_req_t req, const struct route *route)
{
	struct backend *b = &fs.guarded[route->backend];
	ssize_t rc;

	if (route->origin != ROUTE_PATTERN) {
		fuse_reply_err(req, EBUSY);
		return;
	}
	if (!guard_enter(req, b, OP_METADATA, GUARD_MUTATING, GUARD_TARGET_ALL))
		return;
	rc = remove_target(b, route->target);
	if (!guard_leave(req, b, &rc))
		return;
	if (rc == 0)
		rc = tiers_remove(route->path);
	fs_reply_rc(req, rc);
}

void fs_rmdir(fuse_req_t req, fuse_ino_t parent_id, const char *name)
{
	struct node *parent = make_parent(req, parent_id, name, true);
	struct route route;

	if (!parent)
		return;
	if (is_route(parent, name, &route))
		rmdir_route(req, &route);
	else if (parent->backend == NODE_LOCAL && tiers_below(node_index(parent), name))
		fuse_reply_err(req, ENOTEMPTY);
	else
		remove_name(req, parent, name, true);
}
