/* The records of a file's names (docs/INTERNALS.md, "Several names"). Each change of the arena is one store, or is
 * completed by the next worker. */
#include "fs/node_numbers.h"
#include "fs/node_table.h"

#include <errno.h>
#include <pthread.h>

_Static_assert(NTABLE_SHARDS <= 64, "a set of shards is one word");

static uint64_t shard_bit(uint32_t record)
{
	return 1ull << ntable.links[record].hash % NTABLE_SHARDS;
}

uint64_t ntable_lock_names(const struct node *node, const struct node_shard *more)
{
	uint64_t shards = shard_bit(node_index(node));

	for (uint32_t n = atomic_load(&node->other); n != NODE_NONE; n = atomic_load(&ntable_at(n)->other))
		shards |= shard_bit(n);
	if (more)
		shards |= 1ull << (more - ntable.shards);
	for (uint32_t i = 0; i < NTABLE_SHARDS; i++)
		if (shards & 1ull << i)
			pthread_mutex_lock(&ntable.shards[i].lock);
	return shards;
}

void ntable_unlock_names(uint64_t shards)
{
	for (uint32_t i = 0; i < NTABLE_SHARDS; i++)
		if (shards & 1ull << i)
			pthread_mutex_unlock(&ntable.shards[i].lock);
}

static bool has_name(const struct node *record, uint32_t parent, const char *name)
{
	return record->parent == parent && !(record->flags & NODE_UNLINKED) &&
	       strcmp(ntable_name(record), name) == 0;
}

struct node *ntable_record(struct node *node, uint32_t parent, const char *name)
{
	uint32_t n = node_index(node);

	while (n != NODE_NONE && !has_name(ntable_at(n), parent, name))
		n = atomic_load(&ntable_at(n)->other);
	return n == NODE_NONE ? NULL : ntable_at(n);
}

errint_t ntable_add_name(struct node *node, struct node *record)
{
	struct node_key k = ntable_key_of(record);
	uint32_t hash = ntable_hash(&k), n = node_index(record);
	struct node_shard *s = ntable_shard(hash);
	uint64_t shards = ntable_lock_names(node, s);
	errint_t rc = 0;

	if (node->flags & NODE_UNLINKED)
		rc = -ESTALE;
	else if (ntable_find(s, hash, &k))
		rc = -EEXIST;
	else if (node_names(node) >= NODE_NAMES_MAX)
		rc = -EMLINK;
	if (rc == 0) {
		atomic_store(&record->object, node_index(node));
		atomic_store(&record->other, atomic_load(&node->other));
		atomic_store(&record->state, NODE_NAME);
		ntable_insert(s, hash, n);
		atomic_store(&node->other, n);
		atomic_fetch_add(&node->others, 1);
	}
	ntable_unlock_names(shards);
	return rc;
}

static void unchain(struct node *node, uint32_t n)
{
	_Atomic uint32_t *p = &node->other;

	while (atomic_load(p) != n)
		p = &ntable_at(atomic_load(p))->other;
	atomic_store(p, atomic_load(&ntable_at(n)->other));
	atomic_fetch_sub(&node->others, 1);
}

static void unindex(uint32_t n)
{
	ntable_remove(ntable_shard(ntable.links[n].hash), n);
}

static void reindex(struct node *record)
{
	struct node_key k = ntable_key_of(record);
	uint32_t hash = ntable_hash(&k);

	ntable_insert(ntable_shard(hash), hash, node_index(record));
}

/* node's own name goes, and that of record comes. In between both have it: the record is void then. */
static void move_up(struct node *node, struct node *record)
{
	unchain(node, node_index(record));
	number_keep(node);
	unindex(node_index(node));
	unindex(node_index(record));
	atomic_store(&node->place, atomic_load(&record->place));
	atomic_store(&record->state, NODE_FREE);
	reindex(node);
	number_settle(node);
	/* It is the node's now. */
	record->name = 0;
}

struct ntable_place ntable_drop_name(struct node *node, struct node *record)
{
	struct ntable_place gone = {record->parent, 0};
	uint64_t shards = ntable_lock_names(node, NULL);

	if (record != node) {
		unchain(node, node_index(record));
		unindex(node_index(record));
		atomic_store(&record->state, NODE_FREE);
	} else if (atomic_load(&node->other) != NODE_NONE) {
		gone.name = node->name;
		record = ntable_at(atomic_load(&node->other));
		move_up(node, record);
	} else {
		number_keep(node);
		unindex(node_index(node));
		atomic_fetch_or(&node->flags, NODE_UNLINKED);
		/* A nameless node keeps its last place. */
		gone.parent = NODE_NONE;
	}
	ntable_unlock_names(shards);
	if (record != node)
		ntable_give_back(record);
	return gone;
}

void ntable_prefer_name(struct node *node, struct node *record)
{
	uint64_t shards = ntable_lock_names(node, NULL), former = atomic_load(&node->place);

	number_keep(node);
	unindex(node_index(node));
	unindex(node_index(record));
	record->next_place = former;
	atomic_store(&record->state, NODE_NAME_MOVING);
	atomic_store(&node->place, atomic_load(&record->place));
	node_settle_name(node, record);
	reindex(node);
	reindex(record);
	number_settle(node);
	ntable_unlock_names(shards);
}

void ntable_prefer_next(struct node *node)
{
	uint32_t n = atomic_load(&node->other);
	struct node *record = ntable_at(n);
	_Atomic uint32_t *end = &node->other;

	ntable_prefer_name(node, record);
	if (atomic_load(&record->other) == NODE_NONE)
		return;
	atomic_store(end, atomic_load(&record->other));
	while (atomic_load(end) != NODE_NONE)
		end = &ntable_at(atomic_load(end))->other;
	atomic_store(&record->other, NODE_NONE);
	atomic_store(end, n);
}

uint32_t ntable_take_names(struct node *node)
{
	uint32_t first = atomic_load(&node->other);

	for (uint32_t n = first; n != NODE_NONE; n = atomic_load(&ntable_at(n)->other)) {
		unindex(n);
		atomic_store(&ntable_at(n)->state, NODE_FREE);
	}
	atomic_store(&node->other, NODE_NONE);
	atomic_store(&node->others, 0);
	return first;
}
