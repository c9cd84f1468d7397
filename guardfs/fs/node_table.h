/* The inside of the node table, for fs/node*.c. docs/LOCKING.md has its locks. */
#ifndef GUARDFS_FS_NODE_TABLE_H
#define GUARDFS_FS_NODE_TABLE_H

#include "fs/node.h"

#define NTABLE_SHARDS 32u /* all of them may be locked at once: ThreadSanitizer knows of 64 locks a thread */
#define NTABLE_END    UINT32_MAX

struct node_link {
	uint32_t next;
	uint32_t hash;
};

struct node_shard {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	uint32_t *buckets;
	uint32_t n_buckets;
	uint32_t count;
};

/* In private memory. */
extern struct node_table {
	struct node_shard shards[NTABLE_SHARDS];
	pthread_mutex_t field_locks[NTABLE_SHARDS];
	/* Parallel to arena->nodes, sparse. */
	struct node_link *links;
	pthread_rwlock_t tree_lock;
	pthread_mutex_t alloc_lock;
	uint32_t free_head;
	struct name_allocator *names;
	pthread_mutex_t roots_lock;
	struct root_list {
		uint32_t *nodes;
		uint32_t n, room;
		/* Of routes. Without memory a root is left out: its names only expire. */
	} roots;
	_Atomic uint32_t paths_version;
} ntable;

struct node_key {
	uint8_t backend;
	uint8_t fh_type, fh_length;
	const uint8_t *fh;
	uint32_t parent;
	const char *name;
	uint64_t ino;
	/* View below a route's root, which has no name. */
	uint32_t object;
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

/* The node that a record in a chain stands for: itself, or the file that has this further name. */
static inline struct node *ntable_file(uint32_t record)
{
	struct node *node = ntable_at(record);

	return node_is_name(node) ? ntable_at(node_object_index(node)) : node;
}

/* Before threads. 0 or -ENOMEM. */
errint_t ntable_init(void) WARN_UNUSED;

/* Device and inode, kept in fh with length 0, stand for a missing handle. */
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

struct node_shard *ntable_lock_shard(const struct node *node);

/* A record filled in, not yet live; NULL: table or name heap full. Under its shard's lock. */
struct node *ntable_make(const struct node_key *k, uint32_t parent, const char *name, const struct stat *st);

/* NULL: none. */
struct node *ntable_look_up(const struct node_key *k, enum node_reference reference);

/* The same, else a new node; NULL: table full. _locked: under the shard's lock. */
struct node *ntable_intern(const struct node_key *k, const struct stat *st, unsigned flags,
			   enum node_reference reference);
struct node *ntable_intern_locked(struct node_shard *s, uint32_t hash, const struct node_key *k,
				  const struct stat *st, unsigned flags, enum node_reference reference);
void ntable_refer(struct node *node, enum node_reference reference);

/* References of a freed node, for ntable_child_removed after unlocking. */
struct ntable_kept {
	uint32_t parent, object;
};

/* An unreferenced node without further names. Under tree_lock for writing, and its shard's lock. */
struct ntable_kept ntable_free(struct node_shard *s, struct node *node);

/* A record of ntable_make that did not come to live, or a name's that is free: gives it and its name back. */
void ntable_give_back(struct node *record);

/* node_links.c: records of one file's names (docs/INTERNALS.md, "Several names"). Under tree_lock for writing. */

/* Locks the shards of all names of a live node, and *more (NULL: none). Returns them, for unlocking. Only a writer of
 * the tree holds several. */
uint64_t ntable_lock_names(const struct node *node, const struct node_shard *more);
void ntable_unlock_names(uint64_t shards);

/* The record that has this name of node's, or NULL. Under tree_lock in any way. */
struct node *ntable_record(struct node *node, uint32_t parent, const char *name);

/* Gives node the name of record, made by ntable_make. -EEXIST: a node has the name, perhaps this one; -EMLINK;
 * -ESTALE: node has no name. */
errint_t ntable_add_name(struct node *node, struct node *record) WARN_UNUSED;

/* Takes a name away, the last one too. The place that is free: for ntable_name_drop and ntable_child_removed after
 * unlocking. */
struct ntable_place {
	uint32_t parent, name;
};
struct ntable_place ntable_drop_name(struct node *node, struct node *record);

/* The name of record becomes node's own one. */
void ntable_prefer_name(struct node *node, struct node *record);

/* The same of the first further name. The former own one becomes the last. */
void ntable_prefer_next(struct node *node);

/* Unindexes all further names, under their locks. Returns the first of the chain, free, for the caller to give back;
 * NODE_NONE. */
uint32_t ntable_take_names(struct node *node);

/* node_rest.c, up to ntable_rest_all_unused. Without locks. */
bool ntable_is_unused(const struct node *node);
void ntable_free_if_unused(struct node *node);

/* Keeps a local node with a file handle, or a file with several names, until NODE_RESTING_MAX others rest (docs/INTERNALS.md, "Nodes"). */
void ntable_rest_if_unused(struct node *node);

/* The same at a start for all nodes: those at rest, and those whose last reference a dying worker took
 * back. */
void ntable_rest_all_unused(void);

/* 0: the heap is full. */
uint32_t ntable_name_put(const char *name);
void ntable_name_drop(uint32_t ref);

/* NODE_NONE: it shows none, or itself. */
uint32_t ntable_object(const struct node *node);

/* Fills list with indexes of routes' roots from *at (0: first) on, and moves *at. Returns how many. */
uint32_t ntable_roots(uint32_t *at, uint32_t *list, uint32_t size);

/* Children and views keep a node alive. Removing the last frees an unreferenced node. */
void ntable_child_added(uint32_t parent);
void ntable_child_removed(uint32_t parent);

/* A route's root begins, or ceases, to show object. */
static inline void ntable_show(const struct node *root, uint32_t object)
{
	ntable_child_added(object == node_index(root) ? NODE_NONE : object);
}

static inline void ntable_show_no_more(const struct node *root, uint32_t object)
{
	ntable_child_removed(object == node_index(root) ? NODE_NONE : object);
}

/* The node was removed or replaced. Under its shard's lock. */
void node_lose_name(struct node_shard *s, struct node *node);

/* One of its names was. Without locks. */
void node_drop_name(struct node *node, uint32_t parent, const char *name);

/* Routes with a target at or below the node look for it again. */
void node_target_moved(const struct node *node);

#endif
