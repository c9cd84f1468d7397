/* node_table.h: the inside of the node table, for fs/node*.c only: index, records, rebuild.
 *
 * Locks, in this order: tree_lock (names and parents), a shard's lock (its chains, lookup counts, creation
 * and freeing), alloc_lock (free records, name heap), roots_lock. None is held across a call into a backend.
 */
#ifndef GUARDFS_FS_NODE_TABLE_H
#define GUARDFS_FS_NODE_TABLE_H

#include "fs/node.h"

#define NTABLE_SHARDS 64u
#define NTABLE_END    UINT32_MAX /* of a chain */

struct node_link {
	uint32_t next; /* in its bucket, or in the free list */
	uint32_t hash;
};

struct node_shard {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	uint32_t *buckets;
	uint32_t n_buckets; /* a power of two */
	uint32_t count;
};

/* All of it is the worker's private memory. */
extern struct node_table {
	struct node_shard shards[NTABLE_SHARDS];
	pthread_mutex_t field_locks[NTABLE_SHARDS];
	struct node_link *links; /* parallel to arena->nodes, sparse */
	pthread_rwlock_t tree_lock;
	pthread_mutex_t alloc_lock;
	uint32_t free_head;
	struct name_allocator *names;
	pthread_mutex_t roots_lock;
	struct root_list {
		uint32_t *nodes;
		uint32_t n, room;
	} roots; /* of routes; one that finds no memory is left out: its names expire by themselves */
	_Atomic uint32_t paths_version;
} ntable;

/* What a node is known by. */
struct node_key {
	uint8_t backend;
	uint8_t fh_type, fh_length;
	const uint8_t *fh;
	uint32_t parent;
	const char *name;
	uint64_t ino;	 /* virtual: id */
	uint32_t object; /* of a view below a route's root, which has no name; NULL there */
};

static inline struct node *ntable_at(uint32_t index)
{
	return &fs.arena->nodes[index];
}

static inline bool ntable_is_guarded(const struct node *node)
{
	return node->backend < CONFIG_BACKENDS_MAX;
}

static inline const char *ntable_name(const struct node *node)
{
	return name_get(&fs.arena->names, node->name);
}

/* Rebuilds table and index from the arena. Before threads. 0 or -ENOMEM. */
errint_t ntable_init(void) WARN_UNUSED;

/* Index. A local file without a handle is known by device and inode, kept in fh with length 0. */
#define FH_DEV_INO_SIZE 16
uint32_t ntable_hash(const struct node_key *k);
struct node_key ntable_key_of(const struct node *node);
bool ntable_matches(const struct node_key *k, const struct node *node);
struct node_shard *ntable_shard(uint32_t hash);
uint32_t *ntable_bucket(struct node_shard *s, uint32_t hash);

/* Under the shard's lock. */
void ntable_insert(struct node_shard *s, uint32_t hash, uint32_t n);
void ntable_remove(struct node_shard *s, uint32_t n);
struct node *ntable_find(struct node_shard *s, uint32_t hash, const struct node_key *k);

/* Locks the shard that a node is in. */
struct node_shard *ntable_lock_shard(const struct node *node);

/* A record filled in and counted, not yet live; NULL when the table or the name heap is full. Under its
 * shard's lock. */
struct node *ntable_make(const struct node_key *k, uint32_t parent, const char *name, const struct stat *st);

/* The node known by k, with a reference; NULL if there is none. */
struct node *ntable_look_up(const struct node_key *k, enum node_reference reference);

/* The same; else a new node with these flags, NULL when the table is full. _locked: under the shard's lock.
 */
struct node *ntable_intern(const struct node_key *k, const struct stat *st, unsigned flags,
			   enum node_reference reference);
struct node *ntable_intern_locked(struct node_shard *s, uint32_t hash, const struct node_key *k,
				  const struct stat *st, unsigned flags, enum node_reference reference);
void ntable_refer(struct node *node, enum node_reference reference);

/* What a freed node has kept: for the caller to let go of after unlocking (ntable_child_removed). */
struct ntable_kept {
	uint32_t parent, object;
};

/* Frees a node that nobody references. Under tree_lock for writing, and its shard's lock. */
struct ntable_kept ntable_free(struct node_shard *s, struct node *node);

/* The next functions are in node_rest.c. Frees the node if nobody references it. Without locks held. */
bool ntable_is_unused(const struct node *node);
void ntable_free_if_unused(struct node *node);

/* The same, but a node of the local tier that has a file handle stays until NODE_RESTING_MAX others have
 * come to rest: file handles that the kernel gave out (NFS) lead to it by its id. */
void ntable_rest_if_unused(struct node *node);

/* The same for all nodes: those at rest, and those whose last reference was taken back by a worker that then
 * died. Before threads. */
void ntable_rest_all_unused(void);

/* Names in the heap: 0 when it is full. */
uint32_t ntable_name_put(const char *name);
void ntable_name_drop(uint32_t ref);

/* What node shows, if that is another one; NODE_NONE. */
uint32_t ntable_object(const struct node *node);

/* Roots of routes: fills list with up to size indexes, from *at (0: the first), and moves *at on. Returns
 * how many. */
uint32_t ntable_roots(uint32_t *at, uint32_t *list, uint32_t size);

/* A node counts its children and the views that show it: they keep it alive. Removing the last one frees it,
 * if nothing else refers to it (node_rest.c). */
void ntable_child_added(uint32_t parent);
void ntable_child_removed(uint32_t parent);

/* The root of a route begins, or ceases, to show object, which may be itself. */
static inline void ntable_show(const struct node *root, uint32_t object)
{
	ntable_child_added(object == node_index(root) ? NODE_NONE : object);
}

static inline void ntable_show_no_more(const struct node *root, uint32_t object)
{
	ntable_child_removed(object == node_index(root) ? NODE_NONE : object);
}

/* node.c: takes the name from a guarded node that was removed, or replaced. Under its shard's lock. */
void node_lose_name(struct node_shard *s, struct node *node);

/* A guarded node's name has changed: routes with a target at or below it look for the target again. */
void node_target_moved(const struct node *node);

#endif
