/* view.h: the directories of guarded tiers, as routes show them.
 *
 * An object on a backend is one node in the backend's tree, whichever way leads to it. The tree's root is
 * .guardfs/backends/NAME; a node is known by name and parent. The kernel gets a file's node as it is, for it
 * may know a file by several names, like a hard link: size, pages, locks and open files are one. A directory
 * the kernel can have at one place only. So a directory reached through a route is a node of its own, a
 * *view*; the directory itself is the view's *object*. Storage is asked about objects; attributes and locks
 * are the object's.
 *
 * A view has no name: it is known by its route's root and its object, so a rename of the object, through any
 * view, does not touch it. The root of a route is a view with a name, in a local directory. Its object is
 * the route's present target: looked for again when the tier map, or a name on the way to the target, has
 * changed (node_paths_version). The target need not exist for the route to be shown: until storage was
 * asked, it is assumed to be a directory (a node without NODE_KNOWN).
 *
 * Worker, any thread. */
#ifndef GUARDFS_FS_VIEW_H
#define GUARDFS_FS_VIEW_H

#include "fs/node.h"

/* The node itself, or a view's object. The object of a route's root is kept, and stays the same, until this
 * thread's request ends (view_end_request). A root whose target cannot exist (something on the way is no
 * directory) is its own object, of which every backend says -ESTALE. Never NULL. */
struct node *view_object(struct node *node);
static inline uint32_t view_object_index(struct node *node)
{
	return node_index(view_object(node));
}

/* The root of the route that shows node; NODE_NONE if node is no view. */
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

/* The node for what storage has under a name in parent, a lookup counted on it: a view for a directory below
 * a view. Remembers attributes. NULL when the table is full. */
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

/* *dir becomes the directory at target ("" for the root) in the backend's tree, pinned; unknown directories
 * on the way are assumed to exist. 0. -ENOTDIR: something else is known to be there, -ENOMEM: the table is
 * full, -ENAMETOOLONG: *dir is then nothing. */
errint_t view_target(const struct backend *b, const char *target, struct node **dir) WARN_UNUSED;

/* The inode number that is shown of it. Makes no nodes. */
uint64_t view_target_ino(const struct backend *b, const char *target);

/* Fills ids with up to size node ids under which the kernel may know the same directory elsewhere. Returns
 * how many; 0 for the local tier. */
size_t view_places(struct node *shown, uint64_t *ids, size_t size);

/* st as callers shall see it: with our inode number. */
void view_present(struct node *node, struct stat *st);

#endif
