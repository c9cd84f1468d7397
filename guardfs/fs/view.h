/* Guarded directories as routes show them: *views* of *objects*, the nodes of the backend's tree
 * (docs/INTERNALS.md, "Views"). Storage, attributes and locks are the object's. Any thread.
 *
 * Of views only a route's root has a name, in a local directory; its object is looked for again when
 * node_paths_version has changed. Assumed directories lack NODE_KNOWN. */
#ifndef GUARDFS_FS_VIEW_H
#define GUARDFS_FS_VIEW_H

#include "fs/node.h"

/* The node itself, or a view's object, which stays the same until this thread's request ends. A root whose
 * target cannot exist (no directory on the way) is its own object: backends say -ESTALE of it. */
struct node *view_object(struct node *node);
static inline uint32_t view_object_index(struct node *node)
{
	return node_index(view_object(node));
}

/* NODE_NONE: no view. */
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
 * NULL: table full. */
struct node *view_intern(struct node *parent, const char *name, const struct stat *st);

/* The node of a name as parent shows it, or NULL. */
struct node *view_find(struct node *parent, const char *name, enum node_reference reference);

/* The directory above, as shown, with a lookup, or NULL. */
struct node *view_above(struct node *dir);

/* NULL: table full. */
struct node *view_route_root(uint32_t parent, const char *name, const struct route *route,
			     enum node_reference reference);
struct node *view_backend_root(const struct backend *b, enum node_reference reference);

/* Makes root, node 0, show b's whole tree, as a route's root does. Before node_init. */
void view_mount_root(const struct backend *b, struct node *root);

/* *dir: the directory at target ("": the root) in the backend's tree, pinned; unknown ones are assumed.
 * -ENOTDIR: something else is there; -ENOMEM: table full; -ENAMETOOLONG. */
errint_t view_target(const struct backend *b, const char *target, struct node **dir) WARN_UNUSED;

/* The inode number as shown. Makes no nodes. */
uint64_t view_target_ino(const struct backend *b, const char *target);

/* Fills ids with up to size other places of the directory. Returns how many; 0 for the local tier. */
size_t view_places(struct node *shown, uint64_t *ids, size_t size);

/* Sets our inode number, and the count of links where storage shows none. */
void view_present(struct node *node, struct stat *st);

#endif
