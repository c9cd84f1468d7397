/* node.c: the node table. Records lie in the arena; the indexes here are private and rebuilt by each worker.
 *
 * Locks, in this order: tree_lock (names and parents), a shard's lock (its chains, lookup counts, creation
 * and freeing), alloc_lock (free records and the name heap). None is held across a call into a backend. */
#include "fs/node.h"
#include "base/cleanup.h"
#include "fs/tiers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SHARDS	      64u
#define FIRST_BUCKETS 64u
#define LINK_END      UINT32_MAX

struct link {
	uint32_t next; /* in its bucket, or in the free list */
	uint32_t hash;
};

struct shard {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	uint32_t *buckets;
	uint32_t n_buckets; /* a power of two */
	uint32_t count;
};

static struct {
	struct shard shards[SHARDS];
	pthread_mutex_t field_locks[SHARDS];
	struct link *links; /* parallel to arena->nodes, sparse */
	pthread_rwlock_t tree_lock;
	pthread_mutex_t alloc_lock;
	uint32_t free_head;
	struct name_allocator *names;
} table;

/* What a node is known by. */
struct key {
	uint8_t backend;
	uint8_t fh_type, fh_length;
	const uint8_t *fh;
	uint32_t parent;
	const char *name;
	uint64_t ino; /* virtual: id */
};

static struct node *node_at(uint32_t index)
{
	return &fs.arena->nodes[index];
}

static bool is_guarded(const struct node *node)
{
	return node->backend < CONFIG_BACKENDS_MAX;
}

static const char *node_name(const struct node *node)
{
	return name_get(&fs.arena->names, node->name);
}

pthread_mutex_t *node_lock(const struct node *node)
{
	return &table.field_locks[node_index(node) % SHARDS];
}

/* ---- index ---- */

/* A local file without a handle is known by device and inode, kept in fh with length 0 (its descriptor is
 * then never evicted). */
#define FH_DEV_INO_SIZE 16

static uint32_t key_hash(const struct key *k)
{
	uint64_t h;

	if (k->backend == NODE_LOCAL)
		h = hash_bytes(k->fh_type, k->fh, k->fh_length ? k->fh_length : FH_DEV_INO_SIZE);
	else if (k->backend == NODE_VIRTUAL)
		h = hash_bytes(NODE_VIRTUAL, &k->ino, sizeof(k->ino));
	else
		h = hash_bytes(0x1000u + k->parent, k->name, strlen(k->name));
	return (uint32_t)(h ^ h >> 32);
}

static struct key key_of(const struct node *node)
{
	return (struct key){.backend = node->backend,
			    .fh_type = node->fh_type,
			    .fh_length = node->fh_length,
			    .fh = node->fh,
			    .parent = node->parent,
			    .name = node_name(node),
			    .ino = node->ino};
}

static bool key_matches(const struct key *k, const struct node *node)
{
	if (node->backend != k->backend)
		return false;
	if (k->backend == NODE_LOCAL)
		return node->fh_type == k->fh_type && node->fh_length == k->fh_length &&
		       memcmp(node->fh, k->fh, k->fh_length ? k->fh_length : FH_DEV_INO_SIZE) == 0;
	if (k->backend == NODE_VIRTUAL)
		return node->ino == k->ino;
	return node->parent == k->parent && !(node->flags & NODE_UNLINKED) &&
	       strcmp(node_name(node), k->name) == 0;
}

static struct shard *shard_of(uint32_t hash)
{
	return &table.shards[hash % SHARDS];
}

static uint32_t *bucket_of(struct shard *s, uint32_t hash)
{
	return &s->buckets[(hash / SHARDS) & (s->n_buckets - 1)];
}

/* Doubles the buckets when chains get long; stays as it is when memory is short. */
static void shard_grow(struct shard *s)
{
	struct shard grown = {.n_buckets = s->n_buckets * 2};

	if (s->count < s->n_buckets)
		return;
	grown.buckets = malloc(grown.n_buckets * sizeof(*grown.buckets));
	if (!grown.buckets)
		return;
	memset(grown.buckets, 0xff, grown.n_buckets * sizeof(*grown.buckets));
	for (uint32_t i = 0; i < s->n_buckets; i++) {
		for (uint32_t n = s->buckets[i], next; n != LINK_END; n = next) {
			uint32_t *b = bucket_of(&grown, table.links[n].hash);

			next = table.links[n].next;
			table.links[n].next = *b;
			*b = n;
		}
	}
	free(s->buckets);
	s->buckets = grown.buckets;
	s->n_buckets = grown.n_buckets;
}

/* The next three: under the shard's lock. */
static void index_insert(struct shard *s, uint32_t hash, uint32_t n)
{
	uint32_t *b;

	shard_grow(s);
	b = bucket_of(s, hash);
	table.links[n] = (struct link){.next = *b, .hash = hash};
	*b = n;
	s->count++;
}

static void index_remove(struct shard *s, uint32_t n)
{
	uint32_t *p = bucket_of(s, table.links[n].hash);

	while (*p != n && *p != LINK_END)
		p = &table.links[*p].next;
	if (*p == LINK_END)
		return; /* an unlinked node has left its chain before */
	*p = table.links[n].next;
	s->count--;
}

static struct node *index_find(struct shard *s, uint32_t hash, const struct key *k)
{
	for (uint32_t n = *bucket_of(s, hash); n != LINK_END; n = table.links[n].next)
		if (table.links[n].hash == hash && key_matches(k, node_at(n)))
			return node_at(n);
	return NULL;
}

/* ---- records ---- */

static struct node *record_take(void)
{
	ACQUIRE_LOCK(&table.alloc_lock);
	uint32_t used = atomic_load(&fs.arena->nodes_used);
	uint32_t n = table.free_head;

	if (n != LINK_END) {
		table.free_head = table.links[n].next;
		return node_at(n);
	}
	if (used >= NODE_MAX)
		return NULL;
	atomic_store(&fs.arena->nodes_used, used + 1);
	return node_at(used);
}

static void record_give_back(struct node *node)
{
	ACQUIRE_LOCK(&table.alloc_lock);
	uint32_t n = node_index(node);

	if (node->name)
		name_release(table.names, node->name);
	node->name = 0;
	table.links[n].next = table.free_head;
	table.free_head = n;
}

static uint32_t name_put(const char *name)
{
	ACQUIRE_LOCK(&table.alloc_lock);
	return name_store(table.names, name, strlen(name));
}

static void name_drop(uint32_t ref)
{
	ACQUIRE_LOCK(&table.alloc_lock);
	if (ref)
		name_release(table.names, ref);
}

static void child_added(uint32_t parent)
{
	if (parent != NODE_NONE)
		atomic_fetch_add(&node_at(parent)->children, 1);
}

static void child_removed(uint32_t parent);

/* A record filled in and counted, not yet live. */
static struct node *record_make(const struct key *k, uint32_t parent, const char *name, const struct stat *st)
{
	struct node *node = record_take();

	if (!node)
		return NULL;
	node->generation++;
	atomic_store(&node->nlookup, 0);
	atomic_store(&node->pins, 0);
	atomic_store(&node->children, 0);
	atomic_store(&node->fd, 0);
	node->backend = k->backend;
	node->flags = 0;
	node->fh_type = k->fh_type;
	node->fh_length = k->fh_length;
	if (k->fh)
		memcpy(node->fh, k->fh, k->fh_length ? k->fh_length : FH_DEV_INO_SIZE);
	node->ino = k->ino;
	node->mode = st->st_mode;
	node->backing_id = 0;
	node->opens = 0;
	node->size = 0;
	node->mtime_ns = 0;
	node->parent = parent;
	node->name = name ? name_put(name) : 0;
	if (name && !node->name) {
		record_give_back(node);
		return NULL;
	}
	child_added(parent);
	return node;
}

/* Frees a node that nobody references. Under its shard's lock. Returns its parent for the caller to release
 * after unlocking. */
static uint32_t record_free(struct shard *s, struct node *node)
{
	uint32_t n = node_index(node), parent = node->parent;

	index_remove(s, n);
	atomic_store(&node->state, NODE_FREE);
	nodefd_drop(fs.arena, n);
	record_give_back(node);
	return parent;
}

static bool is_unused(const struct node *node)
{
	return atomic_load(&node->nlookup) == 0 && atomic_load(&node->pins) == 0 &&
	       atomic_load(&node->children) == 0 && node_index(node) != 0 && node->backend != NODE_VIRTUAL;
}

/* Locks the shard that the node is in. The record may be freed and used for another node, of another shard,
 * at any moment before that: hence the second look. */
static struct shard *lock_shard_of(const struct node *node)
{
	const struct link *link = &table.links[node_index(node)];

	for (;;) {
		struct shard *s = shard_of(__atomic_load_n(&link->hash, __ATOMIC_ACQUIRE));

		pthread_mutex_lock(&s->lock);
		if (shard_of(__atomic_load_n(&link->hash, __ATOMIC_ACQUIRE)) == s)
			return s;
		pthread_mutex_unlock(&s->lock);
	}
}

static void free_if_unused(struct node *node)
{
	uint32_t parent = NODE_NONE;

	pthread_rwlock_wrlock(&table.tree_lock);
	struct shard *s = lock_shard_of(node);

	if (atomic_load(&node->state) == NODE_LIVE && is_unused(node))
		parent = record_free(s, node);
	pthread_mutex_unlock(&s->lock);
	pthread_rwlock_unlock(&table.tree_lock);
	child_removed(parent);
}

static void child_removed(uint32_t parent)
{
	if (parent == NODE_NONE)
		return;
	if (atomic_fetch_sub(&node_at(parent)->children, 1) == 1 && is_unused(node_at(parent)))
		free_if_unused(node_at(parent));
}

/* ---- rebuild ---- */

static errint_t rebuild_node(uint32_t n)
{
	struct node *node = node_at(n);

	atomic_store(&node->pins, 0);
	atomic_store(&node->children, 0);
	if (atomic_load(&node->state) != NODE_LIVE) {
		node->name = 0;
		table.links[n].next = table.free_head;
		table.free_head = n;
		return 0;
	}
	if (node->name && name_mark_used(table.names, node->name) < 0)
		node->name = 0;
	return 0;
}

static void reindex_node(uint32_t n)
{
	struct node *node = node_at(n);

	if (atomic_load(&node->state) != NODE_LIVE)
		return;
	child_added(node->parent);
	struct key k = key_of(node);
	uint32_t hash = key_hash(&k);

	if (node->flags & NODE_UNLINKED)
		table.links[n] = (struct link){.next = LINK_END, .hash = hash};
	else
		index_insert(shard_of(hash), hash, n);
}

errint_t node_init(void)
{
	uint32_t used = atomic_load(&fs.arena->nodes_used);

	table.links = mmap(NULL, (size_t)NODE_MAX * sizeof(struct link), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	table.names = name_allocator_new(&fs.arena->names);
	if (table.links == MAP_FAILED || !table.names)
		return -ENOMEM;
	table.free_head = LINK_END;
	pthread_rwlock_init(&table.tree_lock, NULL);
	pthread_mutex_init(&table.alloc_lock, NULL);
	for (uint32_t i = 0; i < SHARDS; i++) {
		struct shard *s = &table.shards[i];

		pthread_mutex_init(&s->lock, NULL);
		pthread_mutex_init(&table.field_locks[i], NULL);
		s->n_buckets = FIRST_BUCKETS;
		s->count = 0;
		s->buckets = malloc(FIRST_BUCKETS * sizeof(*s->buckets));
		if (!s->buckets)
			return -ENOMEM;
		memset(s->buckets, 0xff, FIRST_BUCKETS * sizeof(*s->buckets));
	}
	for (uint32_t n = used; n-- > 0;)
		rebuild_node(n);
	for (uint32_t n = 0; n < used; n++)
		reindex_node(n);
	/* Whose last reference was taken back by a worker that died before it could free it. Children mostly
	 * come after their parents. */
	for (uint32_t n = used; n-- > 0;)
		if (atomic_load(&node_at(n)->state) == NODE_LIVE && is_unused(node_at(n)))
			free_if_unused(node_at(n));
	return 0;
}

/* ---- identity ---- */

struct node *node_from_id(fuse_ino_t id)
{
	return arena_node(fs.arena, id);
}

/* Inode numbers of guarded tiers: a hash of backend and path, or of backend and the storage's own number
 * where that is stable. Bit 62 keeps them apart from the local tier's. */
static uint64_t guarded_ino(uint64_t h)
{
	return (h >> 2) | 1ull << 62;
}

static bool has_stable_ino(const struct backend *b)
{
	return b->config->type == BACKEND_DIR && atomic_load(&b->board->minor) == 0;
}

uint64_t node_child_ino(const struct backend *b, uint32_t parent, const char *name, uint64_t storage_ino)
{
	if (has_stable_ino(b)) {
		uint64_t seed = hash_bytes(0, b->config->name, strlen(b->config->name));

		return guarded_ino(hash_bytes(seed, &storage_ino, sizeof(storage_ino)));
	}
	return guarded_ino(hash_bytes(node_at(parent)->ino, name, strlen(name)));
}

void node_remember(struct node *node, const struct stat *st)
{
	ACQUIRE_LOCK(node_lock(node));
	node->size = (uint64_t)st->st_size;
	node->mtime_ns = (int64_t)st->st_mtim.tv_sec * (int64_t)NSEC_PER_SEC + st->st_mtim.tv_nsec;
	node->mode = st->st_mode;
	node->uid = st->st_uid;
	node->gid = st->st_gid;
	node->nlink = (uint32_t)st->st_nlink;
	node->flags |= NODE_KNOWN;
}

void node_recall(const struct node *node, struct stat *st)
{
	ACQUIRE_LOCK(node_lock(node));
	*st = (struct stat){.st_ino = node->ino,
			    .st_mode = node->mode,
			    .st_nlink = node->nlink ? node->nlink : 1,
			    .st_uid = node->uid,
			    .st_gid = node->gid,
			    .st_size = (off_t)node->size,
			    .st_blksize = 4096};
	st->st_mtim.tv_sec = node->mtime_ns / (int64_t)NSEC_PER_SEC;
	st->st_mtim.tv_nsec = node->mtime_ns % (int64_t)NSEC_PER_SEC;
	st->st_ctim = st->st_atim = st->st_mtim;
}

void node_present(const struct node *node, struct stat *st)
{
	st->st_ino = node->ino;
}

/* A directory of the local tier is where its last lookup found it (it may have been moved beneath us). */
static void place_directory(struct node *node, uint32_t parent, const char *name)
{
	uint32_t old_parent, old_name, ref;

	if (node_index(node) == 0 || (node->parent == parent && strcmp(node_name(node), name) == 0))
		return;
	ref = name_put(name);
	if (!ref)
		return;
	pthread_rwlock_wrlock(&table.tree_lock);
	old_parent = node->parent;
	old_name = node->name;
	node->name = ref;
	node->parent = parent;
	pthread_rwlock_unlock(&table.tree_lock);
	tiers_paths_changed();
	child_added(parent);
	name_drop(old_name);
	child_removed(old_parent);
}

/* dev_ino: room for the identity of an object without a file handle. */
static struct key local_key(const struct found *found, uint8_t dev_ino[NODE_FH_MAX])
{
	struct key k = {.backend = NODE_LOCAL,
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
	struct key k = local_key(found, dev_ino);
	uint32_t hash = key_hash(&k);
	struct shard *s = shard_of(hash);
	struct node *node;

	ACQUIRE_LOCK(&s->lock);
	node = index_find(s, hash, &k);
	if (node)
		node_pin(node);
	return node;
}

struct node *node_intern_local(uint32_t parent, const char *name, const struct found *found, bool lookup)
{
	uint8_t dev_ino[NODE_FH_MAX];
	struct key k = local_key(found, dev_ino);
	bool directory = S_ISDIR(found->st.st_mode);
	struct node *node;
	uint32_t hash;

	hash = key_hash(&k);
	struct shard *s = shard_of(hash);

	pthread_mutex_lock(&s->lock);
	node = index_find(s, hash, &k);
	bool is_new = !node;

	if (is_new) {
		node = record_make(&k, directory ? parent : NODE_NONE, directory ? name : NULL, &found->st);
		if (node) {
			atomic_store(&node->nlookup, lookup ? 1 : 0);
			index_insert(s, hash, node_index(node));
			atomic_store(&node->state, NODE_LIVE);
		}
	} else if (lookup) {
		atomic_fetch_add(&node->nlookup, 1);
	}
	pthread_mutex_unlock(&s->lock);
	if (node && directory && !is_new && name)
		place_directory(node, parent, name);
	return node;
}

/* Takes the name from a guarded node whose place something else has taken, or that was removed. Under its
 * shard's lock. */
static void lose_name(struct shard *s, struct node *node)
{
	index_remove(s, node_index(node));
	node->flags |= NODE_UNLINKED;
	/* Its number may be given to whoever has the name next: keep the numbers of living nodes distinct. */
	node->ino = guarded_ino(hash_bytes(node->ino, &node->generation, sizeof(node->generation)));
}

struct node *node_intern_guarded(const struct backend *b, uint32_t parent, const char *name,
				 const struct stat *st, unsigned flags, bool lookup)
{
	struct key k = {.backend = b->index, .parent = parent, .name = name};
	uint32_t hash = key_hash(&k);
	struct shard *s = shard_of(hash);
	struct node *node, *replaced = NULL;

	k.ino = flags & NODE_ROUTE_ROOT ? st->st_ino : node_child_ino(b, parent, name, st->st_ino);
	pthread_mutex_lock(&s->lock);
	node = index_find(s, hash, &k);
	if (node && !(node->flags & NODE_ROUTE_ROOT) &&
	    ((node->mode & S_IFMT) != (st->st_mode & S_IFMT) || (has_stable_ino(b) && node->ino != k.ino))) {
		lose_name(s, node);
		replaced = node;
		node = NULL;
	}
	if (!node) {
		node = record_make(&k, parent, name, st);
		if (node) {
			node->flags = (uint8_t)flags;
			atomic_store(&node->nlookup, lookup ? 1 : 0);
			index_insert(s, hash, node_index(node));
			atomic_store(&node->state, NODE_LIVE);
		}
	} else if (lookup) {
		atomic_fetch_add(&node->nlookup, 1);
	}
	pthread_mutex_unlock(&s->lock);
	if (replaced) {
		if (atomic_load(&replaced->nlookup) == 0)
			free_if_unused(replaced);
	}
	return node;
}

struct node *node_intern_virtual(unsigned id, bool lookup)
{
	struct key k = {.backend = NODE_VIRTUAL, .parent = NODE_NONE, .ino = id};
	struct stat st = {.st_mode = 0};
	uint32_t hash = key_hash(&k);
	struct shard *s = shard_of(hash);
	struct node *node;

	ACQUIRE_LOCK(&s->lock);
	node = index_find(s, hash, &k);
	if (!node) {
		node = record_make(&k, NODE_NONE, NULL, &st);
		if (!node)
			return NULL;
		index_insert(s, hash, node_index(node));
		atomic_store(&node->state, NODE_LIVE);
	}
	if (lookup)
		atomic_fetch_add(&node->nlookup, 1);
	return node;
}

struct node *node_find_guarded(uint32_t parent, const char *name, bool lookup)
{
	struct key k = {.parent = parent, .name = name};
	struct node *node = NULL;

	/* The hash does not depend on the backend, so one walk finds it whichever it is. */
	uint32_t hash = key_hash(&k);
	struct shard *s = shard_of(hash);

	ACQUIRE_LOCK(&s->lock);
	for (uint32_t n = *bucket_of(s, hash); n != LINK_END && !node; n = table.links[n].next) {
		k.backend = node_at(n)->backend;
		if (table.links[n].hash == hash && is_guarded(node_at(n)) && key_matches(&k, node_at(n)))
			node = node_at(n);
	}
	if (node && lookup)
		atomic_fetch_add(&node->nlookup, 1);
	return node;
}

/* ---- references ---- */

void node_forget(struct node *node, uint64_t n)
{
	uint64_t had = atomic_load(&node->nlookup), left;

	/* Never below zero, whatever arrives: a number too small leaks a record, one too large frees it under
	 * somebody. */
	do
		left = had > n ? had - n : 0;
	while (!atomic_compare_exchange_weak(&node->nlookup, &had, left));
	if (left == 0 && is_unused(node))
		free_if_unused(node);
}

void node_pin(struct node *node)
{
	atomic_fetch_add(&node->pins, 1);
}

void node_unpin(struct node *node)
{
	if (atomic_fetch_sub(&node->pins, 1) == 1 && is_unused(node))
		free_if_unused(node);
}

/* ---- names ---- */

void node_unlinked(uint32_t parent, const char *name)
{
	struct node *node;

	/* The lock keeps a rename from moving it to another shard in between; the lookup keeps it from being
	 * freed. */
	pthread_rwlock_rdlock(&table.tree_lock);
	node = node_find_guarded(parent, name, true);
	if (node) {
		struct shard *s = lock_shard_of(node);

		if (!(node->flags & NODE_UNLINKED))
			lose_name(s, node);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_rwlock_unlock(&table.tree_lock);
	if (node)
		node_forget(node, 1);
}

/* Moves a guarded node out of, and into, the index. Under tree_lock for writing. */
static void unindex(struct node *node)
{
	struct shard *s = shard_of(table.links[node_index(node)].hash);

	ACQUIRE_LOCK(&s->lock);
	index_remove(s, node_index(node));
}

static void reindex(struct node *node)
{
	struct key k = key_of(node);
	uint32_t hash = key_hash(&k);
	struct shard *s = shard_of(hash);

	ACQUIRE_LOCK(&s->lock);
	index_insert(s, hash, node_index(node));
}

/* Numbers derived from paths follow the names below a renamed directory, so that they are the same after a
 * restart. */
static void renumber_below(uint32_t top)
{
	uint32_t used = atomic_load(&fs.arena->nodes_used);

	for (uint32_t n = 0; n < used; n++) {
		struct node *node = node_at(n);
		uint32_t chain[256], depth = 0, up = n;

		if (n == top || atomic_load(&node->state) != NODE_LIVE || !is_guarded(node) ||
		    node->flags & NODE_UNLINKED)
			continue;
		while (up != NODE_NONE && up != top && depth < ARRAY_SIZE(chain)) {
			chain[depth++] = up;
			up = node_at(up)->parent;
		}
		if (up != top)
			continue;
		while (depth-- > 0) {
			struct node *below = node_at(chain[depth]);

			below->ino = node_child_ino(fs_backend(below), below->parent, node_name(below), 0);
		}
	}
}

static void place_guarded(struct node *node, uint32_t parent, uint32_t name_ref)
{
	const struct backend *b = fs_backend(node);

	node->parent = parent;
	node->name = name_ref;
	reindex(node);
	if (has_stable_ino(b))
		return;
	node->ino = node_child_ino(b, parent, node_name(node), 0);
	if (S_ISDIR(node->mode))
		renumber_below(node_index(node));
}

static void rename_guarded(uint32_t parent, const char *name, uint32_t newparent, const char *newname,
			   bool exchange)
{
	struct node *from = node_find_guarded(parent, name, true);
	struct node *to = node_find_guarded(newparent, newname, true);
	struct node *const held[] = {from, to};
	uint32_t from_ref = 0, to_ref = 0, old_from = 0, old_to = 0;

	if (to && !exchange && to != from) {
		node_unlinked(newparent, newname);
		to = NULL;
	}
	if (from)
		from_ref = name_put(newname);
	if (to && exchange)
		to_ref = name_put(name);
	pthread_rwlock_wrlock(&table.tree_lock);
	if (from && from_ref) {
		old_from = from->name;
		unindex(from);
	}
	if (to && to_ref) {
		old_to = to->name;
		unindex(to);
	}
	if (from && from_ref)
		place_guarded(from, newparent, from_ref);
	if (to && to_ref)
		place_guarded(to, parent, to_ref);
	pthread_rwlock_unlock(&table.tree_lock);
	name_drop(old_from);
	name_drop(old_to);
	if (from && from_ref && parent != newparent) {
		child_added(newparent);
		child_removed(parent);
	}
	if (to && to_ref && parent != newparent) {
		child_added(parent);
		child_removed(newparent);
	}
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		if (held[i])
			node_forget(held[i], 1);
}

void node_renamed(uint32_t parent, const char *name, uint32_t newparent, const char *newname, bool exchange)
{
	/* Local directories are placed again by the next lookup; only guarded nodes are known by their names.
	 */
	if (is_guarded(node_at(parent)))
		rename_guarded(parent, name, newparent, newname, exchange);
}

errint_t node_path(uint32_t index, char *path, size_t size)
{
	char buf[4096];
	size_t at = sizeof(buf) - 1;
	errint_t rc = 0;

	buf[at] = '\0';
	pthread_rwlock_rdlock(&table.tree_lock);
	for (uint32_t n = index; n != 0 && rc == 0; n = node_at(n)->parent) {
		const char *name;
		size_t length;

		if (n == NODE_NONE || node_at(n)->flags & NODE_UNLINKED || !node_at(n)->name) {
			rc = -ESTALE;
			break;
		}
		name = node_name(node_at(n));
		length = strlen(name);
		if (length + 1 > at) {
			rc = -ENAMETOOLONG;
			break;
		}
		if (buf[at])
			buf[--at] = '/';
		at -= length;
		memcpy(buf + at, name, length);
	}
	pthread_rwlock_unlock(&table.tree_lock);
	return rc < 0 ? rc : copy_string(path, size, buf + at);
}
