/* Finding, making and counting nodes. */
#include "fs/node_numbers.h"
#include "fs/node_table.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

/* The kernel may have forgotten them. Publishing or syncing them unpins them. */
static void pin_closed(void)
{
	uint32_t used = atomic_load(&fs.arena->handles_used);

	for (uint32_t i = 0; i < used; i++) {
		const struct handle *h = &fs.arena->handles[i];

		if (atomic_load(&h->state) != HANDLE_LIVE)
			continue;
		if (atomic_load(&h->draft_last))
			node_pin(&fs.arena->nodes[h->node]);
		if (atomic_load(&h->sync_last))
			node_pin(&fs.arena->nodes[h->node]);
	}
}

/* Until behind_init unpins them. */
static void pin_owed(void)
{
	for (uint32_t i = 0; i < EXTENT_MAX; i++) {
		const struct handle *h = arena_owed_handle(fs.arena, &fs.arena->owed.extents[i]);

		if (h)
			node_pin(&fs.arena->nodes[h->node]);
	}
}

/* For halfway_init, which goes on with these pins. */
static void pin_halfway(void)
{
	for (unsigned b = 0; b < CONFIG_BACKENDS_MAX; b++)
		for (uint32_t i = 0; i < HALFWAY_MAX; i++) {
			const struct halfway_record *r = arena_halfway(fs.arena, b, i);

			if (!r)
				continue;
			node_pin(arena_node(fs.arena, r->from));
			node_pin(arena_node(fs.arena, r->to));
		}
}

errint_t node_init(void)
{
	errint_t rc = ntable_init();

	if (rc == 0) {
		pin_owed();
		pin_closed();
		pin_halfway();
		ntable_rest_all_unused();
	}
	return rc;
}

/* ---- identity ---- */

bool node_is_still(const struct node *node, const struct stat *st)
{
	const struct backend *b = fs_backend(node);

	return !number_is_of_storage(b) || number_of_storage(b, st->st_ino) == node->ino;
}

struct version version_of(const struct stat *st)
{
	return (struct version){(uint64_t)st->st_size,
				(int64_t)st->st_mtim.tv_sec * (int64_t)NSEC_PER_SEC + st->st_mtim.tv_nsec};
}

void node_remember(struct node *node, const struct stat *st)
{
	struct version version = version_of(st);

	ACQUIRE_LOCK(node_lock(node));
	if (!(node->flags & NODE_KNOWN))
		number_seen(node, st->st_ino);
	node->size = version.size;
	node->mtime_ns = version.mtime_ns;
	node->mode = st->st_mode;
	node->uid = st->st_uid;
	node->gid = st->st_gid;
	node->nlink = (uint32_t)st->st_nlink;
	atomic_fetch_or(&node->flags, NODE_KNOWN);
}

void node_became(struct node *node, const struct stat *st)
{
	ACQUIRE_LOCK(node_lock(node));
	number_seen(node, st->st_ino);
}

uint64_t node_size(const struct node *node)
{
	ACQUIRE_LOCK(node_lock(node));
	return node->size;
}

struct version node_version(const struct node *node)
{
	ACQUIRE_LOCK(node_lock(node));
	return (struct version){node->size, node->mtime_ns};
}

void node_grown(struct node *node, uint64_t end)
{
	ACQUIRE_LOCK(node_lock(node));
	node->size = MAX(node->size, end);
}

void node_cut(struct node *node, uint64_t size)
{
	ACQUIRE_LOCK(node_lock(node));
	node->size = MIN(node->size, size);
}

void node_recall(const struct node *node, struct stat *st)
{
	bool unlinked = atomic_load(&node->flags) & NODE_UNLINKED;

	ACQUIRE_LOCK(node_lock(node));
	*st = (struct stat){.st_ino = node->ino,
			    .st_mode = node->mode,
			    .st_nlink = unlinked ? 0 : MAX(node->nlink, 1u),
			    .st_uid = node->uid,
			    .st_gid = node->gid,
			    .st_blksize = 4096};
	backend_show_size(st, (off_t)node->size);
	st->st_mtim.tv_sec = node->mtime_ns / (int64_t)NSEC_PER_SEC;
	st->st_mtim.tv_nsec = node->mtime_ns % (int64_t)NSEC_PER_SEC;
	st->st_ctim = st->st_atim = st->st_mtim;
}

/* A local node lies where last found. */
static void place_local(struct node *node, uint32_t parent, const char *name)
{
	uint32_t old_parent, old_name, ref;

	if (node_index(node) == 0 || (node->parent == parent && strcmp(ntable_name(node), name) == 0))
		return;
	ref = ntable_name_put(name);
	if (!ref)
		return;
	pthread_rwlock_wrlock(&ntable.tree_lock);
	old_parent = node->parent;
	old_name = node->name;
	node->name = ref;
	node->parent = parent;
	pthread_rwlock_unlock(&ntable.tree_lock);
	node_paths_changed();
	ntable_child_added(parent);
	ntable_name_drop(old_name);
	ntable_child_removed(old_parent);
}

/* dev_ino: for an object without a file handle. */
static struct node_key local_key(const struct found *found, uint8_t dev_ino[NODE_FH_MAX])
{
	struct node_key k = {.backend = NODE_LOCAL,
			     .fh_type = found->fh_type,
			     .fh_length = found->fh_length,
			     .fh = found->fh,
			     .ino = found->st.st_ino};

	if (!k.fh_length) {
		uint64_t pair[2] = {found->st.st_dev, found->st.st_ino};

		memset(dev_ino, 0, NODE_FH_MAX);
		memcpy(dev_ino, pair, sizeof(pair));
		k.fh = dev_ino;
		k.fh_type = 0;
	}
	return k;
}

struct node *node_find_local(const struct found *found)
{
	uint8_t dev_ino[NODE_FH_MAX];
	struct node_key k = local_key(found, dev_ino);

	return ntable_look_up(&k, NODE_PINNED);
}

struct node *node_intern_local(uint32_t parent, const char *name, const struct found *found, bool lookup)
{
	uint8_t dev_ino[NODE_FH_MAX];
	struct node_key k = local_key(found, dev_ino);
	bool directory = S_ISDIR(found->st.st_mode), by_name = directory || found->mounted;
	struct node *node;
	uint32_t hash;

	hash = ntable_hash(&k);
	struct node_shard *s = ntable_shard(hash);

	pthread_mutex_lock(&s->lock);
	node = ntable_find(s, hash, &k);
	bool is_new = !node;

	if (is_new) {
		node = ntable_make(&k, by_name ? parent : NODE_NONE, by_name ? name : NULL, &found->st);
		if (node) {
			node->flags = found->mounted ? NODE_MOUNTED : 0;
			atomic_store(&node->nlookup, lookup ? 1 : 0);
			ntable_insert(s, hash, node_index(node));
			atomic_store(&node->state, NODE_LIVE);
		}
	} else if (lookup) {
		atomic_fetch_add(&node->nlookup, 1);
	}
	pthread_mutex_unlock(&s->lock);
	if (node && by_name && !is_new && name)
		place_local(node, parent, name);
	if (node && !directory)
		atomic_store_explicit(&node->home, node_id(ntable_at(parent), parent), memory_order_relaxed);
	return node;
}

void node_lose_name(struct node_shard *s, struct node *node)
{
	number_keep(node);
	ntable_remove(s, node_index(node));
	atomic_fetch_or(&node->flags, NODE_UNLINKED);
	node_target_moved(node);
}

void node_drop_name(struct node *node, uint32_t parent, const char *name)
{
	struct ntable_place gone = {NODE_NONE, 0};
	struct node *record;

	pthread_rwlock_wrlock(&ntable.tree_lock);
	record = ntable_record(node, parent, name);
	if (record)
		gone = ntable_drop_name(node, record);
	pthread_rwlock_unlock(&ntable.tree_lock);
	node_target_moved(node);
	ntable_name_drop(gone.name);
	ntable_child_removed(gone.parent);
}

void node_target_moved(const struct node *node)
{
	if (node->flags & NODE_TARGET)
		node_paths_changed();
}

/* An assumed node has only its type. Under its shard's lock. */
static bool is_replaced(const struct node *node, const struct stat *st)
{
	return (node->mode & S_IFMT) != (st->st_mode & S_IFMT) ||
	       (node->flags & NODE_KNOWN && !node_is_still(node, st));
}

struct node *node_intern_guarded(const struct backend *b, uint32_t parent, const char *name,
				 const struct stat *st, enum node_reference reference)
{
	struct node_key k = {.backend = b->index, .parent = parent, .name = name};
	uint32_t hash = ntable_hash(&k);
	struct node_shard *s = ntable_shard(hash);
	struct node *node, *replaced = NULL;
	bool is_known;

	pthread_mutex_lock(&s->lock);
	while ((node = ntable_find(s, hash, &k)) && is_replaced(node, st) && node_names(node) > 1) {
		node_pin(node);
		pthread_mutex_unlock(&s->lock);
		node_drop_name(node, parent, name);
		node_unpin(node);
		pthread_mutex_lock(&s->lock);
	}
	if (node && is_replaced(node, st)) {
		node_lose_name(s, node);
		replaced = node;
	}
	is_known = node && !replaced && node->flags & NODE_KNOWN && S_ISREG(st->st_mode);
	node = ntable_intern_locked(s, hash, &k, st, NODE_KNOWN, reference);
	pthread_mutex_unlock(&s->lock);
	if (node && !is_known)
		node_remember(node, st);
	if (replaced && atomic_load(&replaced->nlookup) == 0)
		ntable_free_if_unused(replaced);
	return node;
}

struct node *node_intern_virtual(unsigned id, bool lookup)
{
	struct node_key k = {.backend = NODE_VIRTUAL, .parent = NODE_NONE, .ino = id};
	struct stat st = {.st_mode = 0};

	return ntable_intern(&k, &st, 0, lookup ? NODE_LOOKED_UP : NODE_UNHELD);
}

/* The hash leaves the backend out: one walk finds any backend's node. Under the lock of s. */
static struct node *find_named(struct node_shard *s, uint32_t hash, uint32_t parent, const char *name)
{
	struct node_key k = {.parent = parent, .name = name};
	struct node *node = NULL;

	for (uint32_t n = *ntable_bucket(s, hash); n != NTABLE_END && !node; n = ntable.links[n].next) {
		k.backend = ntable_at(n)->backend;
		if (ntable.links[n].hash == hash && ntable_is_guarded(ntable_at(n)) &&
		    ntable_matches(&k, ntable_at(n)))
			node = ntable_file(n);
	}
	return node;
}

struct node *node_find_guarded(uint32_t parent, const char *name, enum node_reference reference)
{
	uint32_t hash = ntable_hash(&(struct node_key){.parent = parent, .name = name});
	struct node_shard *s = ntable_shard(hash);
	struct node *node;

	ACQUIRE_LOCK(&s->lock);
	node = find_named(s, hash, parent, name);
	if (node)
		ntable_refer(node, reference);
	return node;
}

uint64_t node_child_ino(const struct backend *b, uint32_t parent, const char *name, uint64_t storage_ino)
{
	uint32_t hash = ntable_hash(&(struct node_key){.parent = parent, .name = name});
	struct node_shard *s = ntable_shard(hash);
	const struct node *node;

	if (number_is_of_storage(b))
		return number_of_storage(b, storage_ino);
	ACQUIRE_LOCK(&s->lock);
	node = find_named(s, hash, parent, name);
	return node ? node->ino : number_for(parent, name);
}

/* ---- references ---- */

void node_forget(struct node *node, uint64_t n)
{
	uint64_t had = atomic_load(&node->nlookup), left;

	/* Never below zero: too small a count leaks a record, too large a one frees it in use. */
	do
		left = had > n ? had - n : 0;
	while (!atomic_compare_exchange_weak(&node->nlookup, &had, left));
	if (left == 0 && ntable_is_unused(node))
		ntable_rest_if_unused(node);
}

void node_look_up(struct node *node)
{
	atomic_fetch_add(&node->nlookup, 1);
}

struct node *node_hold_parent(const struct node *node)
{
	struct node *parent = NULL;

	/* A node keeps its parent, which changes under this lock. */
	pthread_rwlock_rdlock(&ntable.tree_lock);
	if (node->parent < NODE_MAX)
		parent = ntable_at(node->parent);
	if (parent)
		node_pin(parent);
	pthread_rwlock_unlock(&ntable.tree_lock);
	return parent;
}

struct node *node_hold(fuse_ino_t id)
{
	struct node *node = node_from_id(id);
	struct node_shard *s;

	if (!node)
		return NULL;
	/* Freed under this lock, and only unpinned. */
	s = ntable_lock_shard(node);
	if (node_from_id(id) == node)
		node_pin(node);
	else
		node = NULL;
	pthread_mutex_unlock(&s->lock);
	return node;
}

void node_unpin(struct node *node)
{
	if (atomic_fetch_sub(&node->pins, 1) == 1 && ntable_is_unused(node))
		ntable_rest_if_unused(node);
}
