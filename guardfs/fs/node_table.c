#include "fs/node_table.h"
#include "fs/context.h"
#include "fs/shares.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/node_numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define FIRST_BUCKETS 64u

struct node_table ntable = {.paths_version = 1};

pthread_mutex_t *node_lock(const struct node *node)
{
	return &ntable.field_locks[node_index(node) % NTABLE_SHARDS];
}

/* ---- index ---- */

uint32_t ntable_hash(const struct node_key *k)
{
	uint64_t h;

	if (k->backend == NODE_LOCAL)
		h = hash_bytes(k->fh_type, k->fh, k->fh_length ? k->fh_length : FH_DEV_INO_SIZE);
	else if (k->backend == NODE_VIRTUAL)
		h = hash_bytes(NODE_VIRTUAL, &k->ino, sizeof(k->ino));
	else if (!k->name)
		h = hash_bytes(0x1000u + k->parent, &k->object, sizeof(k->object));
	else
		h = hash_bytes(0x1000u + k->parent, k->name, strlen(k->name));
	return (uint32_t)(h ^ h >> 32);
}

struct node_key ntable_key_of(const struct node *node)
{
	bool below = node_is_below_route(node);

	return (struct node_key){.backend = node->backend,
				 .fh_type = node->fh_type,
				 .fh_length = node->fh_length,
				 .fh = node->fh,
				 .parent = node->parent,
				 .name = below ? NULL : ntable_name(node),
				 .ino = node->ino,
				 .object = below ? node_object_index(node) : 0};
}

bool ntable_matches(const struct node_key *k, const struct node *node)
{
	if (node->backend != k->backend)
		return false;
	if (k->backend == NODE_LOCAL)
		return node->fh_type == k->fh_type && node->fh_length == k->fh_length &&
		       memcmp(node->fh, k->fh, k->fh_length ? k->fh_length : FH_DEV_INO_SIZE) == 0;
	if (k->backend == NODE_VIRTUAL)
		return node->ino == k->ino;
	if (!k->name || node_is_below_route(node))
		return !k->name && node_is_below_route(node) && node->parent == k->parent &&
		       node_object_index(node) == k->object;
	return node->parent == k->parent && !(node->flags & NODE_UNLINKED) &&
	       strcmp(ntable_name(node), k->name) == 0;
}

struct node_shard *ntable_shard(uint32_t hash)
{
	return &ntable.shards[hash % NTABLE_SHARDS];
}

uint32_t *ntable_bucket(struct node_shard *s, uint32_t hash)
{
	return &s->buckets[(hash / NTABLE_SHARDS) & (s->n_buckets - 1)];
}

/* When chains get long, if memory allows. */
static void shard_grow(struct node_shard *s)
{
	struct node_shard grown = {.n_buckets = s->n_buckets * 2};

	if (s->count < s->n_buckets)
		return;
	grown.buckets = malloc(grown.n_buckets * sizeof(*grown.buckets));
	if (!grown.buckets)
		return;
	memset(grown.buckets, 0xff, grown.n_buckets * sizeof(*grown.buckets));
	for (uint32_t i = 0; i < s->n_buckets; i++) {
		for (uint32_t n = s->buckets[i], next; n != NTABLE_END; n = next) {
			uint32_t *b = ntable_bucket(&grown, ntable.links[n].hash);

			next = ntable.links[n].next;
			ntable.links[n].next = *b;
			*b = n;
		}
	}
	free(s->buckets);
	s->buckets = grown.buckets;
	s->n_buckets = grown.n_buckets;
}

/* The next three: under the shard's lock. */
void ntable_insert(struct node_shard *s, uint32_t hash, uint32_t n)
{
	uint32_t *b;

	shard_grow(s);
	b = ntable_bucket(s, hash);
	ntable.links[n] = (struct node_link){.next = *b, .hash = hash};
	*b = n;
	s->count++;
}

void ntable_remove(struct node_shard *s, uint32_t n)
{
	uint32_t *p = ntable_bucket(s, ntable.links[n].hash);

	while (*p != n && *p != NTABLE_END)
		p = &ntable.links[*p].next;
	if (*p == NTABLE_END)
		return; /* an unlinked node has left its chain */
	*p = ntable.links[n].next;
	s->count--;
}

struct node *ntable_find(struct node_shard *s, uint32_t hash, const struct node_key *k)
{
	for (uint32_t n = *ntable_bucket(s, hash); n != NTABLE_END; n = ntable.links[n].next)
		if (ntable.links[n].hash == hash && ntable_matches(k, ntable_at(n)))
			return ntable_file(n);
	return NULL;
}

void node_paths_changed(void)
{
	atomic_fetch_add(&ntable.paths_version, 1);
}

uint32_t node_paths_version(void)
{
	return atomic_load(&ntable.paths_version);
}

/* ---- records ---- */

static struct node *record_take(void)
{
	ACQUIRE_LOCK(&ntable.alloc_lock);
	uint32_t used = atomic_load(&fs.arena->nodes_used);
	uint32_t n = ntable.free_head;

	if (n != NTABLE_END) {
		ntable.free_head = ntable.links[n].next;
		return ntable_at(n);
	}
	if (used >= NODE_MAX)
		return NULL;
	atomic_store(&fs.arena->nodes_used, used + 1);
	return ntable_at(used);
}

static void record_give_back(struct node *node)
{
	ACQUIRE_LOCK(&ntable.alloc_lock);
	uint32_t n = node_index(node);

	if (node->name)
		name_release(ntable.names, node->name);
	node->name = 0;
	ntable.links[n].next = ntable.free_head;
	ntable.free_head = n;
}

uint32_t ntable_name_put(const char *name)
{
	ACQUIRE_LOCK(&ntable.alloc_lock);
	return name_store(ntable.names, name, strlen(name));
}

void ntable_name_drop(uint32_t ref)
{
	ACQUIRE_LOCK(&ntable.alloc_lock);
	if (ref)
		name_release(ntable.names, ref);
}

void ntable_child_added(uint32_t parent)
{
	if (parent != NODE_NONE)
		atomic_fetch_add(&ntable_at(parent)->children, 1);
}

/* No handle leads to it. */
static bool keeps_descriptor(uint8_t backend, uint8_t fh_length)
{
	return backend == NODE_LOCAL && fh_length == 0;
}

static bool share_take(uint32_t taker, bool keeps)
{
	if (!shares_take(SHARE_NODES, taker, 1))
		return false;
	if (!keeps || shares_take(SHARE_KEPT, taker, 1))
		return true;
	shares_give_back(SHARE_NODES, taker, 1);
	return false;
}

static void share_give_back(uint32_t taker, bool keeps)
{
	shares_give_back(SHARE_NODES, taker, 1);
	if (keeps)
		shares_give_back(SHARE_KEPT, taker, 1);
}

static void share_restore(const struct node *node)
{
	shares_restore(SHARE_NODES, node->taker, 1);
	if (keeps_descriptor(node->backend, node->fh_length))
		shares_restore(SHARE_KEPT, node->taker, 1);
}

static void forget_names(struct node *node)
{
	atomic_store(&node->others, 0);
	atomic_store(&node->other, NODE_NONE);
}

void ntable_give_back(struct node *record)
{
	share_give_back(record->taker, false);
	record_give_back(record);
}

/* In the requesting user's share, unless everybody reads it. */
struct node *ntable_make(const struct node_key *k, uint32_t parent, const char *name, const struct stat *st)
{
	uint32_t taker = k->backend == NODE_VIRTUAL ? 0 : call.uid;
	bool keeps = keeps_descriptor(k->backend, k->fh_length);
	struct node *node = share_take(taker, keeps) ? record_take() : NULL;

	if (!node)
		return NULL;
	node->taker = taker;
	node->generation++;
	atomic_store(&node->nlookup, 0);
	atomic_store(&node->pins, 0);
	atomic_store(&node->children, 0);
	atomic_store(&node->fd, 0);
	node->backend = k->backend;
	node->flags = 0;
	node->fh_type = k->fh_type;
	node->fh_length = k->fh_length;
	if (ntable_is_guarded(node)) {
		forget_names(node);
		atomic_store(&node->left, NODE_NONE);
	}
	if (k->fh)
		memcpy(node->fh, k->fh, k->fh_length ? k->fh_length : FH_DEV_INO_SIZE);
	node->ino = k->ino;
	node->mode = st->st_mode;
	node->uid = st->st_uid;
	node->gid = st->st_gid;
	node->nlink = (uint32_t)st->st_nlink;
	node->backing_id = 0;
	node->opens = 0;
	atomic_store_explicit(&node->home, 0, memory_order_relaxed);
	node->size = 0;
	node->mtime_ns = 0;
	node->parent = parent;
	node->name = name ? ntable_name_put(name) : 0;
	if (name && !node->name) {
		share_give_back(taker, keeps);
		record_give_back(node);
		return NULL;
	}
	ntable_child_added(parent);
	return node;
}

static bool is_route_root(const struct node *node)
{
	return (node->flags & (NODE_VIEW | NODE_ROUTE_ROOT)) == (NODE_VIEW | NODE_ROUTE_ROOT);
}

static void note_root(const struct node *node)
{
	struct root_list *roots = &ntable.roots;

	if (!is_route_root(node))
		return;
	ACQUIRE_LOCK(&ntable.roots_lock);
	if (roots->n == roots->room) {
		uint32_t room = MAX(roots->room * 2, 64u);
		uint32_t *nodes = realloc(roots->nodes, room * sizeof(*nodes));

		if (!nodes)
			return;
		roots->nodes = nodes;
		roots->room = room;
	}
	roots->nodes[roots->n++] = node_index(node);
}

static void strike_root(const struct node *node)
{
	struct root_list *roots = &ntable.roots;

	if (!is_route_root(node))
		return;
	ACQUIRE_LOCK(&ntable.roots_lock);
	for (uint32_t i = 0; i < roots->n; i++)
		if (roots->nodes[i] == node_index(node)) {
			roots->nodes[i] = roots->nodes[--roots->n];
			return;
		}
}

uint32_t ntable_roots(uint32_t *at, uint32_t *list, uint32_t size)
{
	ACQUIRE_LOCK(&ntable.roots_lock);
	uint32_t n = *at < ntable.roots.n ? MIN(ntable.roots.n - *at, size) : 0;

	if (n > 0)
		memcpy(list, ntable.roots.nodes + *at, n * sizeof(*list));
	*at += n;
	return n;
}

void ntable_refer(struct node *node, enum node_reference reference)
{
	if (reference == NODE_LOOKED_UP)
		atomic_fetch_add(&node->nlookup, 1);
	else if (reference == NODE_PINNED)
		node_pin(node);
}

struct node *ntable_intern_locked(struct node_shard *s, uint32_t hash, const struct node_key *k,
				  const struct stat *st, unsigned flags, enum node_reference reference)
{
	struct node *node = ntable_find(s, hash, k);

	if (node) {
		ntable_refer(node, reference);
		return node;
	}
	node = ntable_make(k, k->parent, k->name, st);
	if (!node)
		return NULL;
	node->flags = (uint8_t)flags;
	if (ntable_is_guarded(node) && !(flags & (NODE_VIEW | NODE_ROUTE_ROOT))) {
		number_give(node, st->st_ino);
		atomic_store_explicit(&node->made_ns, clock_mono_ns(), memory_order_relaxed);
	}
	if (flags & NODE_VIEW)
		atomic_store(&node->object, k->name ? node_index(node) : k->object);
	ntable_child_added(ntable_object(node));
	ntable_refer(node, reference);
	ntable_insert(s, hash, node_index(node));
	note_root(node);
	atomic_store(&node->state, NODE_LIVE);
	return node;
}

struct node *ntable_intern(const struct node_key *k, const struct stat *st, unsigned flags,
			   enum node_reference reference)
{
	uint32_t hash = ntable_hash(k);
	struct node_shard *s = ntable_shard(hash);

	ACQUIRE_LOCK(&s->lock);
	return ntable_intern_locked(s, hash, k, st, flags, reference);
}

struct node *ntable_look_up(const struct node_key *k, enum node_reference reference)
{
	uint32_t hash = ntable_hash(k);
	struct node_shard *s = ntable_shard(hash);
	struct node *node;

	ACQUIRE_LOCK(&s->lock);
	node = ntable_find(s, hash, k);
	if (node)
		ntable_refer(node, reference);
	return node;
}

uint32_t ntable_object(const struct node *node)
{
	uint32_t object = node->flags & NODE_VIEW ? node_object_index(node) : NODE_NONE;

	return object == node_index(node) ? NODE_NONE : object;
}

struct ntable_kept ntable_free(struct node_shard *s, struct node *node)
{
	uint32_t n = node_index(node);
	struct ntable_kept kept = {node->parent, ntable_object(node)};

	ntable_remove(s, n);
	number_drop(node);
	strike_root(node);
	atomic_store(&node->state, NODE_FREE);
	nodefd_drop(fs.arena, n);
	share_give_back(node->taker, keeps_descriptor(node->backend, node->fh_length));
	record_give_back(node);
	return kept;
}

/* The record may be freed and reused in another shard before the lock. */
struct node_shard *ntable_lock_shard(const struct node *node)
{
	const struct node_link *link = &ntable.links[node_index(node)];

	for (;;) {
		struct node_shard *s = ntable_shard(__atomic_load_n(&link->hash, __ATOMIC_ACQUIRE));

		pthread_mutex_lock(&s->lock);
		if (ntable_shard(__atomic_load_n(&link->hash, __ATOMIC_ACQUIRE)) == s)
			return s;
		pthread_mutex_unlock(&s->lock);
	}
}

/* ---- rebuild ---- */

static void rebuild_free(uint32_t n)
{
	ntable_at(n)->name = 0;
	ntable.links[n].next = ntable.free_head;
	ntable.free_head = n;
}

static errint_t rebuild_node(uint32_t n)
{
	struct node *node = ntable_at(n);

	atomic_store(&node->pins, 0);
	atomic_store(&node->children, 0);
	if (node_is_name(node))
		return 0;
	if (atomic_load(&node->state) != NODE_LIVE) {
		rebuild_free(n);
		return 0;
	}
	if (ntable_is_guarded(node))
		forget_names(node);
	if (node->name && name_mark_used(ntable.names, node->name) < 0)
		node->name = 0;
	return 0;
}

static void reindex_node(uint32_t n)
{
	struct node *node = ntable_at(n);

	if (atomic_load(&node->state) != NODE_LIVE)
		return;
	share_restore(node);
	ntable_child_added(node->parent);
	ntable_child_added(ntable_object(node));
	if (node->flags & NODE_VIEW)
		atomic_store(&node->object, node_object_index(node)); /* of no known version */
	note_root(node);
	struct node_key k = ntable_key_of(node);
	uint32_t hash = ntable_hash(&k);

	if (node->flags & NODE_UNLINKED)
		ntable.links[n] = (struct node_link){.next = NTABLE_END, .hash = hash};
	else
		ntable_insert(ntable_shard(hash), hash, n);
}

/* Is it another name of a file, and nobody's else? */
static bool is_further_name(const struct node *name, const struct node *file)
{
	struct node_key k = ntable_key_of(name);
	uint32_t hash = ntable_hash(&k);

	return atomic_load(&file->state) == NODE_LIVE && ntable_is_guarded(file) &&
	       !(file->flags & NODE_UNLINKED) && name->name && !ntable_find(ntable_shard(hash), hash, &k) &&
	       name_mark_used(ntable.names, name->name) == 0;
}

/* After all nodes. */
static void reindex_name(uint32_t n)
{
	struct node *name = ntable_at(n), *file = ntable_file(n);
	struct node_key k;
	uint32_t hash;

	if (!node_is_name(name))
		return;
	node_settle_name(file, name);
	if (!is_further_name(name, file)) {
		atomic_store(&name->state, NODE_FREE);
		rebuild_free(n);
		return;
	}
	k = ntable_key_of(name);
	hash = ntable_hash(&k);
	share_restore(name);
	ntable_child_added(name->parent);
	ntable_insert(ntable_shard(hash), hash, n);
	atomic_store(&name->other, atomic_load(&file->other));
	atomic_store(&file->other, n);
	atomic_fetch_add(&file->others, 1);
}

errint_t ntable_init(void)
{
	uint32_t used = atomic_load(&fs.arena->nodes_used);

	ntable.links = mmap(NULL, (size_t)NODE_MAX * sizeof(struct node_link), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ntable.names = name_allocator_new(&fs.arena->names);
	if (ntable.links == MAP_FAILED || !ntable.names)
		return -ENOMEM;
	ntable.free_head = NTABLE_END;
	pthread_rwlock_init(&ntable.tree_lock, NULL);
	pthread_mutex_init(&ntable.alloc_lock, NULL);
	pthread_mutex_init(&ntable.roots_lock, NULL);
	for (uint32_t i = 0; i < NTABLE_SHARDS; i++) {
		struct node_shard *s = &ntable.shards[i];

		pthread_mutex_init(&s->lock, NULL);
		pthread_mutex_init(&ntable.field_locks[i], NULL);
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
	for (uint32_t n = 0; n < used; n++)
		reindex_name(n);
	return number_init();
}
