/* view.h: guarded directories as routes show them.
 *
 * An object on a backend is one node in the backend's tree, known by name and parent; the root is
 * .guardfs/backends/NAME. The kernel gets a file's node as it is: a file may have several names, like a
 * hard link, with one size, pages, locks and open files. But the kernel has a directory at one place only.
 * So a directory below a route is a node of its own, a *view*; the directory itself is its *object*.
 * Storage, attributes and locks are the object's.
 *
 * A view has no name: its identity is its route's root and its object, so renaming the object does not
 * touch it. A route's root is a view with a name, in a local directory. Its object is the route's present
 * target, looked for again when the tier map, or a name on the way, has changed (node_paths_version). A
 * route is shown without its target too: until storage is asked, the target is assumed to be a directory
 * (a node without NODE_KNOWN).
 *
 * Worker, any thread. */
#ifndef GUARDFS_FS_VIEW_H
#define GUARDFS_FS_VIEW_H

#include "fs/node.h"

/* The node itself, or a view's object. A route root's object stays the same until this thread's request
 * ends (view_end_request). A root whose target cannot exist (no directory on the way) is its own object,
 * of which every backend says -ESTALE. Never NULL. */
struct node *view_object(struct node *node);
static inline uint32_t view_object_index(struct node *node)
{
	return node_index(view_object(node));
}

/* The route's root; NODE_NONE: no view. */
static inline uint32_t view_root_index(const struct node *node)
{
	if (!(node->flags & NODE_VIEW))
		return NODE_NONE;
	return node->flags & NODE_ROUTE_ROOT ? node_index(node) : node->parent;
}

/* This thread's request is over, or parked. */
void view_end_request(void);

/* Does this thread's request concern a route's root? */
bool view_is_route_asked(void);

/* The node of a name in parent, with a lookup: a view for a directory below a view. Remembers attributes.
 * NULL: the table is full. */
struct node *view_intern(struct node *parent, const char *name, const struct stat *st);

/* The node known by a name in parent, as parent shows it, or NULL. */
struct node *view_find(struct node *parent, const char *name, enum node_reference reference);

/* The directory above, as shown, with a lookup, or NULL. */
struct node *view_above(struct node *dir);

/* A route's root, `name` in local directory parent; a backend tree's root. NULL: the table is full. */
struct node *view_route_root(uint32_t parent, const char *name, const struct route *route,
			     enum node_reference reference);
struct node *view_backend_root(const struct backend *b, enum node_reference reference);

/* *dir: the directory at target ("": the root) in the backend's tree, pinned; unknown ones on the way are
 * assumed. 0; -ENOTDIR: something else is there; -ENOMEM: the table is full; -ENAMETOOLONG. On error *dir
 * is void. */
errint_t view_target(const struct backend *b, const char *target, struct node **dir) WARN_UNUSED;

/* As shown. Makes no nodes. */
uint64_t view_target_ino(const struct backend *b, const char *target);

/* Fills ids with up to size node ids of the same directory elsewhere. Returns how many; 0 for the local
 * tier. */
size_t view_places(struct node *shown, uint64_t *ids, size_t size);

/* Sets our inode number, for callers. */
void view_present(struct node *node, struct stat *st);

#endif
