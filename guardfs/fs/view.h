/* view.h: the directories of guarded tiers, as routes show them.
 *
 * What lies on a backend is one node, whichever way leads to it: in the backend's tree, whose root is
 * .guardfs/backends/NAME and in which a node is known by its name and its parent. A file's node is given to
 * the kernel as it is, for the kernel may know a file by several names, as it knows a hard link: size, pages,
 * locks and open files are one. A directory it can have at one place only. So a directory that is reached by
 * way of a route is shown to the kernel as a node of its own, a *view*; the directory itself, in the
 * backend's tree, is the view's *object*. Whatever is asked of storage, remembered or locked is asked of,
 * remembered for, locked by the object.
 *
 * A view has no name. It is known by the root of its route and by its object, so it need not be told when
 * that is renamed, through whichever view. The root of a route is a view with a name, in a local directory.
 * Its object is what the route's target is now: it is looked for again whenever the tier map, or a name on
 * the way to the target, has changed (node_paths_version), and it need not be there for the route to be
 * shown: what storage has not been asked about is assumed to be a directory (a node without NODE_KNOWN).
 *
 * Worker, any thread. */
#ifndef GUARDFS_FS_VIEW_H
#define GUARDFS_FS_VIEW_H

#include "fs/node.h"

/* The node itself, if it is no view; else the view's object. Of a route's root it is kept until the request
 * of this thread ends (view_end_request), and the same until then. A root whose target cannot be (something
 * that is no directory lies there or on the way) is its own object, of which every backend says -ESTALE.
 * Never NULL. */
struct node *view_object(struct node *node);
static inline uint32_t view_object_index(struct node *node)
{
	return node_index(view_object(node));
}

/* The root of the route by which node is shown; NODE_NONE if it is no view. */
static inline uint32_t view_root_index(const struct node *node)
{
	if (!(node->flags & NODE_VIEW))
		return NODE_NONE;
	return node->flags & NODE_ROUTE_ROOT ? node_index(node) : node->parent;
}

/* This thread's request is over, or parked. */
void view_end_request(void);

/* Has this thread's request to do with the root of a route? */
bool view_is_route_asked(void);

/* What was found under a name in parent, as parent shows it: a view if parent is one and this a directory. A
 * lookup is counted on it. Attributes are remembered. NULL when the table is full. */
struct node *view_intern(struct node *parent, const char *name, const struct stat *st);

/* The node known under a name in parent, as parent shows it; NULL if there is none. */
struct node *view_find(struct node *parent, const char *name, enum node_reference reference);

/* The directory above a directory, as that is shown, a lookup counted on it; NULL if there is none. */
struct node *view_above(struct node *dir);

/* The root of a route, known as `name` in local directory parent; and that of a backend's tree. NULL when the
 * table is full. */
struct node *view_route_root(uint32_t parent, const char *name, const struct route *route,
			     enum node_reference reference);
struct node *view_backend_root(const struct backend *b, enum node_reference reference);

/* *dir becomes the directory at target ("" for the root) in the backend's tree, pinned; directories that are
 * not known yet are assumed to be there. 0; -ENOTDIR if something else is known to be there, -ENOMEM when the
 * table is full, -ENAMETOOLONG: *dir is then nothing. */
errint_t view_target(const struct backend *b, const char *target, struct node **dir) WARN_UNUSED;

/* The inode number that is shown of it. Makes no nodes. */
uint64_t view_target_ino(const struct backend *b, const char *target);

/* Node ids under which the kernel may know the same directory elsewhere: up to size of them. Returns how
 * many; 0 for the local tier. */
size_t view_places(struct node *shown, uint64_t *ids, size_t size);

/* st as callers shall see it: with our inode number. */
void view_present(struct node *node, struct stat *st);

#endif
