/* The table of nodes. Any thread unless stated otherwise. */
#ifndef GUARDFS_FS_NODE_H
#define GUARDFS_FS_NODE_H

#include "fs/context.h"

/* NODE_UNHELD: none; for nodes that the kernel holds, or a look in passing. */
enum node_reference {
	NODE_UNHELD,
	NODE_LOOKED_UP, /* until node_forget */
	NODE_PINNED,	/* until node_unpin */
};

/* Rebuilds the indexes. Before threads. 0 or -ENOMEM. */
errint_t node_init(void) WARN_UNUSED;

/* NULL: not live. The kernel holds every id it sends, for the whole request. */
static inline struct node *node_from_id(fuse_ino_t id)
{
	return arena_node(fs.arena, id);
}

static inline uint32_t node_index(const struct node *node)
{
	return (uint32_t)(node - fs.arena->nodes);
}

/* Finds or makes the local node, with a lookup if asked; refreshes parent and name of directories and of
 * objects on mounted file systems. NULL: table full. */
struct node *node_intern_local(uint32_t parent, const char *name, const struct found *found, bool lookup);

/* The same for a guarded node, by name and parent (of the backend's tree, never a view); remembers st, but
 * for a known regular file (look_tell). If type or file differ, the old node loses its name. */
struct node *node_intern_guarded(const struct backend *b, uint32_t parent, const char *name,
				 const struct stat *st, enum node_reference reference);

/* Pinned, or NULL. */
struct node *node_find_local(const struct found *found);

/* id: of fs/virtual.h. */
struct node *node_intern_virtual(unsigned id, bool lookup);

/* NULL: unknown. */
struct node *node_find_guarded(uint32_t parent, const char *name, enum node_reference reference);

/* Storage's attributes, for answers in an outage. */
void node_remember(struct node *node, const struct stat *st);

/* 0: unknown. */
uint64_t node_size(const struct node *node);
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
/* The file was written to, up to end; was cut, certainly or perhaps. */
void node_grown(struct node *node, uint64_t end);
void node_cut(struct node *node, uint64_t size);

/* Inode number of an entry of a guarded directory. storage_ino: as listed. */
uint64_t node_child_ino(const struct backend *b, uint32_t parent, const char *name, uint64_t storage_ino);

/* Is it still the node's file, by inode number? True without lasting numbers. */
bool node_is_still(const struct node *node, const struct stat *st);

/* Attributes for a LOOKUP in an outage. */
void node_recall(const struct node *node, struct stat *st);

/* Takes n lookups back; frees an unused node at zero. */
void node_forget(struct node *node, uint64_t n);

/* Counts a lookup of a pinned node. */
void node_look_up(struct node *node);

/* The node's directory, pinned; NULL: unknown (root, local files). Of a view's root local, of a backend's
 * virtual. */
struct node *node_hold_parent(const struct node *node);

/* Keeps a node alive beyond the kernel's references. */
static inline void node_pin(struct node *node)
{
	atomic_fetch_add(&node->pins, 1);
}
void node_unpin(struct node *node);

/* The live node, pinned, or NULL, even if the kernel may forget it at any moment. */
struct node *node_hold(fuse_ino_t id);

/* Changes of names of guarded nodes and local directories. */
void node_unlinked(uint32_t parent, const char *name);
/* The same, if this node (with a lookup) has the name. */
void node_vanished(const struct node *node, uint32_t parent, const char *name);
/* Another client's file has its place: it loses its own name. The caller holds the node. */
void node_replaced(struct node *node);

/* Gives node, held and no directory, one more name (docs/INTERNALS.md, "Several names"), which another node may have
 * had. -ENFILE: no room; -EMLINK: too many; -ESTALE: it has none; -EEXIST: another one has it again. The name is then
 * found as a file of its own. */
errint_t node_link(struct node *node, uint32_t parent, const char *name) WARN_UNUSED;

/* Storage was just asked for this name of node's: from now on node's file is asked for by it. */
void node_prefer(struct node *node, uint32_t parent, const char *name);

/* node's file is asked for by another of its names from now on, in turn. False: it has no other. */
bool node_try_next_name(struct node *node);

/* The node's nth name, from 0, its own first. False: it has fewer. */
bool node_nth_name(const struct node *node, uint32_t n, uint32_t *parent, char name[NAME_LENGTH_MAX + 1]);

/* A name of node's in parent was removed, and it has others: what the transport keeps of the open file may lie there. */
void node_left(struct node *node, uint32_t parent);
void node_renamed(uint32_t parent, const char *name, uint32_t newparent, const char *newname, bool exchange);

/* The tier map, or a name on a route's way, has changed: computed paths are void. The version counts from
 * 1. */
void node_paths_changed(void);
uint32_t node_paths_version(void);

/* Path within the tier, without leading slash; "": the root. lost: also a nameless node's last path.
 * -ENAMETOOLONG; -ESTALE: no name. Of a view's root in the mount; of no other view. */
errint_t node_path_in_tier(uint32_t node, bool lost, char *path, size_t size) WARN_UNUSED;

/* A guarded node's directory and name at one moment; a nameless node's last ones. 0; -ESTALE: it never had
 * any (a root). */
errint_t node_place(const struct node *node, uint32_t *parent, char name[NAME_LENGTH_MAX + 1]) WARN_UNUSED;

/* Another file of storage, st, was put into the node's place by us: the node is that file now. */
void node_became(struct node *node, const struct stat *st);

/* ---- node_path.c ---- */

/* Path in the mount, as above, of a directory or guarded node: by the route with the nearest target, else
 * by .guardfs/backends. */
errint_t node_path(uint32_t node, char *path, size_t size) WARN_UNUSED;

/* Also a nameless guarded node's last path, for people. */
errint_t node_last_path(uint32_t node, char *path, size_t size) WARN_UNUSED;

/* The node's directory; of a local file where it was last found; NODE_NONE: unknown. */
uint32_t node_directory(const struct node *file);

/* Is node top, or below it by names? top: of a guarded directory its object. Routes lead from local to
 * guarded nodes. */
bool node_is_below(uint32_t node, uint32_t top);

/* For a node's size, backing_id, opens. Not held across a call into a backend, but for opening a local
 * backing file. */
pthread_mutex_t *node_lock(const struct node *node);

#endif
