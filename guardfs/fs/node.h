/* node.h (fs): the table of nodes: indexes by identity, reference counts, names. Worker; any thread unless
 * said otherwise. */
#ifndef GUARDFS_FS_NODE_H
#define GUARDFS_FS_NODE_H

#include "fs/context.h"

/* With which reference a node is found. NODE_UNHELD: none; the caller must know that the kernel holds the
 * node, or only look at it in passing. */
enum node_reference {
	NODE_UNHELD,
	NODE_LOOKED_UP, /* one is added to its lookup count: node_forget takes it back */
	NODE_PINNED,	/* node_unpin */
};

/* Rebuilds the private indexes from the arena. Before threads. 0 or -ENOMEM. */
errint_t node_init(void) WARN_UNUSED;

/* The live node with this id, or NULL. The kernel holds a reference to every id it sends, so it stays valid
 * for the request. */
static inline struct node *node_from_id(fuse_ino_t id)
{
	return arena_node(fs.arena, id);
}

static inline uint32_t node_index(const struct node *node)
{
	return (uint32_t)(node - fs.arena->nodes);
}

/* Finds or makes the local node for what was found, adds one to its lookup count (lookup: true) and refreshes
 * parent and name of directories, and of what lies on a file system mounted within the tier. NULL when the
 * table is full. */
struct node *node_intern_local(uint32_t parent, const char *name, const struct found *found, bool lookup);

/* The same for a guarded node, known by name and parent, a directory of the backend's tree (never a view:
 * fs/view.h), and remembers st; of a regular file that is known already the caller says so (look_tell).
 * If something else (another type, another file) is there now, the old node
 * loses its name and a new one is made. */
struct node *node_intern_guarded(const struct backend *b, uint32_t parent, const char *name,
				 const struct stat *st, enum node_reference reference);

/* The local node known for what was found, pinned (node_unpin is the caller's), or NULL. */
struct node *node_find_local(const struct found *found);

/* The virtual node with the given id from fs/virtual.h. */
struct node *node_intern_virtual(unsigned id, bool lookup);

/* The guarded node known under parent (as above) and name; NULL if unknown. */
struct node *node_find_guarded(uint32_t parent, const char *name, enum node_reference reference);

/* Remembers attributes of a guarded node as storage has told them, for answers while it is down. */
void node_remember(struct node *node, const struct stat *st);

/* Size last known of a guarded node: as remembered, or as far as it was written to since. 0: unknown. */
uint64_t node_size(const struct node *node);
/* What tells one state of a file from another: size and time, of a guarded node as last known. */
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
/* It has been written to, up to end; it has been, or may have been, cut off. */
void node_grown(struct node *node, uint64_t end);
void node_cut(struct node *node, uint64_t size);

/* The number that an entry of a guarded directory has or would have; storage_ino as storage lists it. */
uint64_t node_child_ino(const struct backend *b, uint32_t parent, const char *name, uint64_t storage_ino);

/* Is what storage shows under the guarded node's name still its file, as far as inode numbers can tell? True
 * where storage has none that last. */
bool node_is_still(const struct node *node, const struct stat *st);

/* Attributes last known, for LOOKUP while the backend is down. */
void node_recall(const struct node *node, struct stat *st);

/* Takes n lookups back; frees the node when none are left and nobody uses it. */
void node_forget(struct node *node, uint64_t n);

/* Counts a lookup on a node that is pinned. */
void node_look_up(struct node *node);

/* The directory in which a node lies, pinned; NULL if none is known: the root, files of the local tier. Of a
 * view's root that is a local directory, of the root of a backend's tree a virtual one. */
struct node *node_hold_parent(const struct node *node);

/* Keeps a node alive beyond the kernel's references (a task that may outlive its request). */
static inline void node_pin(struct node *node)
{
	atomic_fetch_add(&node->pins, 1);
}
void node_unpin(struct node *node);

/* The live node with this id, pinned, or NULL: unlike node_pin it may be called when the kernel may forget
 * the node at any moment. */
struct node *node_hold(fuse_ino_t id);

/* Namespace changes of guarded nodes, and of local directories. */
void node_unlinked(uint32_t parent, const char *name);
/* The same, if it is still this very node (on which a lookup is counted) that has the name. */
void node_vanished(const struct node *node, uint32_t parent, const char *name);
/* Another client has put another file in the place of this node's. The caller holds the node. */
void node_replaced(struct node *node);
void node_renamed(uint32_t parent, const char *name, uint32_t newparent, const char *newname, bool exchange);

/* A name on the way to or from a route has changed, or the tier map has: what was computed from paths before
 * is void. The version changes with each change; starts at 1. */
void node_paths_changed(void);
uint32_t node_paths_version(void);

/* Path of a node from the root of its tier, without leading slash: of the mount, or of a backend; "" for the
 * root. lost: also of a node that has lost its name, where that last was. -ENAMETOOLONG, or -ESTALE for a
 * node without a name. Of a view's root, which has a name in the mount; of no other view. */
errint_t node_path_in_tier(uint32_t node, bool lost, char *path, size_t size) WARN_UNUSED;

/* ---- node_path.c: places ---- */

/* Path of a directory node (or guarded node) relative to the mount, without leading slash; "" for the root.
 * Of a guarded node, however it is reached, by the route whose target is nearest above it, else by
 * .guardfs/backends. -ENAMETOOLONG, or -ESTALE for a node without a name. */
errint_t node_path(uint32_t node, char *path, size_t size) WARN_UNUSED;

/* The same, and of a guarded node that has lost its name where it last was: for people, not to be opened. */
errint_t node_last_path(uint32_t node, char *path, size_t size) WARN_UNUSED;

/* The directory that a node lies in: of a file of the local tier the one through which it was last found;
 * NODE_NONE: not known any more. */
uint32_t node_directory(const struct node *file);

/* Is the node top itself, or somewhere below it, as far as names are known? All are below the root, 0. top:
 * of a guarded directory its object (fs/view.h). Routes lead from the local tier to guarded nodes. */
bool node_is_below(uint32_t node, uint32_t top);

/* Lock of a node's small mutable fields (size, backing_id, opens). Never held across a call into a backend,
 * except opening a backing file of the local tier. */
pthread_mutex_t *node_lock(const struct node *node);

#endif
