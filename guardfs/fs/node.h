/* node.h (fs): the table of nodes: indexes by identity, references, names. Worker; any thread unless said
 * otherwise. */
#ifndef GUARDFS_FS_NODE_H
#define GUARDFS_FS_NODE_H

#include "fs/context.h"

/* Reference of a found node. NODE_UNHELD: none; for nodes that the kernel holds, or a look in passing. */
enum node_reference {
	NODE_UNHELD,
	NODE_LOOKED_UP, /* a lookup, taken back by node_forget */
	NODE_PINNED,	/* node_unpin */
};

/* Rebuilds the indexes from the arena. Before threads. 0 or -ENOMEM. */
errint_t node_init(void) WARN_UNUSED;

/* The live node, or NULL. The kernel holds every id it sends, for the whole request. */
static inline struct node *node_from_id(fuse_ino_t id)
{
	return arena_node(fs.arena, id);
}

static inline uint32_t node_index(const struct node *node)
{
	return (uint32_t)(node - fs.arena->nodes);
}

/* Finds or makes the local node of what was found, with a lookup (lookup: true); refreshes parent and name
 * of directories and of objects on mounted file systems. NULL: the table is full. */
struct node *node_intern_local(uint32_t parent, const char *name, const struct found *found, bool lookup);

/* The same for a guarded node, known by name and parent (of the backend's tree, never a view: fs/view.h),
 * and remembers st; of a known regular file the caller tells (look_tell). Another type or file replaces
 * the old node, which loses its name. */
struct node *node_intern_guarded(const struct backend *b, uint32_t parent, const char *name,
				 const struct stat *st, enum node_reference reference);

/* Pinned (node_unpin is the caller's), or NULL. */
struct node *node_find_local(const struct found *found);

/* id: of fs/virtual.h. */
struct node *node_intern_virtual(unsigned id, bool lookup);

/* By parent (as above) and name; NULL: unknown. */
struct node *node_find_guarded(uint32_t parent, const char *name, enum node_reference reference);

/* Storage's attributes, for answers in an outage. */
void node_remember(struct node *node, const struct stat *st);

/* As remembered, or grown by writes since. 0: unknown. */
uint64_t node_size(const struct node *node);
/* Tells states of a file apart: size and time, as last known. */
struct version {
	uint64_t size;
	int64_t mtime_ns;
};
struct version node_version(const struct node *node);
struct version version_of(const struct stat *st);
static inline bool version_is_same(struct version a, struct version b)
{
	return a.size == b.size && a.mtime_ns == b.mtime_ns;
}
/* Written to, up to end; cut off, certainly or perhaps. */
void node_grown(struct node *node, uint64_t end);
void node_cut(struct node *node, uint64_t size);

/* Of an entry of a guarded directory; storage_ino: as storage lists it. */
uint64_t node_child_ino(const struct backend *b, uint32_t parent, const char *name, uint64_t storage_ino);

/* Is the object at the node's name still its file, by inode number? True without lasting numbers. */
bool node_is_still(const struct node *node, const struct stat *st);

/* For LOOKUP in an outage. */
void node_recall(const struct node *node, struct stat *st);

/* Takes n lookups back; frees an unused node at zero. */
void node_forget(struct node *node, uint64_t n);

/* On a pinned node. */
void node_look_up(struct node *node);

/* The node's directory, pinned; NULL: unknown (root, local files). Of a view's root local, of a backend's
 * root virtual. */
struct node *node_hold_parent(const struct node *node);

/* Keeps a node alive beyond the kernel's references (a task may outlive its request). */
static inline void node_pin(struct node *node)
{
	atomic_fetch_add(&node->pins, 1);
}
void node_unpin(struct node *node);

/* The live node, pinned, or NULL. Unlike node_pin also when the kernel may forget it at any moment. */
struct node *node_hold(fuse_ino_t id);

/* Changes of names of guarded nodes and local directories. */
void node_unlinked(uint32_t parent, const char *name);
/* The same, only if this node (with a lookup counted) has the name. */
void node_vanished(const struct node *node, uint32_t parent, const char *name);
/* Another client's file has the node's place. The caller holds the node. */
void node_replaced(struct node *node);
void node_renamed(uint32_t parent, const char *name, uint32_t newparent, const char *newname, bool exchange);

/* A name on the way to a route, or the tier map, has changed: computed paths are void. The version, from 1
 * on, counts changes. */
void node_paths_changed(void);
uint32_t node_paths_version(void);

/* Path within the tier (mount or backend), without leading slash; "": the root. lost: also the last path
 * of a nameless node. -ENAMETOOLONG; -ESTALE: no name. Of a view's root its path in the mount; of no other
 * view. */
errint_t node_path_in_tier(uint32_t node, bool lost, char *path, size_t size) WARN_UNUSED;

/* ---- node_path.c: places ---- */

/* Path of a directory (or guarded node) in the mount, without leading slash; "": the root. A guarded node
 * by the route with the nearest target above, else by .guardfs/backends. -ENAMETOOLONG; -ESTALE: no name. */
errint_t node_path(uint32_t node, char *path, size_t size) WARN_UNUSED;

/* The same, and the last path of a nameless guarded node, for people only. */
errint_t node_last_path(uint32_t node, char *path, size_t size) WARN_UNUSED;

/* The node's directory; of a local file the one where it was last found; NODE_NONE: unknown. */
uint32_t node_directory(const struct node *file);

/* Is node top, or below it by names? All are below the root, 0. top: of a guarded directory its object
 * (fs/view.h). Routes lead from local to guarded nodes. */
bool node_is_below(uint32_t node, uint32_t top);

/* For a node's size, backing_id, opens. Never held across a call into a backend, except opening a local
 * backing file. */
pthread_mutex_t *node_lock(const struct node *node);

#endif
