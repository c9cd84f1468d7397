/* Unreferenced nodes: freed, or kept (docs/INTERNALS.md, "Nodes"). A node whose last name we removed is
 * freed at once. */
#include "fs/node_table.h"
#include "backend/backend.h"

#include <pthread.h>

bool ntable_is_unused(const struct node *node)
{
	return atomic_load(&node->nlookup) == 0 && atomic_load(&node->pins) == 0 &&
	       atomic_load(&node->children) == 0 && node_index(node) != 0 && node->backend != NODE_VIRTUAL;
}

static bool is_to_be_freed(const struct node *node)
{
	return atomic_load(&node->state) == NODE_LIVE && ntable_is_unused(node);
}

/* By any of its names a file may be found until all are locked. */
static uint32_t free_with_names(struct node *node, struct ntable_kept *kept)
{
	uint64_t shards = ntable_lock_names(node, NULL);
	uint32_t names = NODE_NONE;

	if (is_to_be_freed(node)) {
		names = ntable_take_names(node);
		*kept = ntable_free(ntable_shard(ntable.links[node_index(node)].hash), node);
	}
	ntable_unlock_names(shards);
	return names;
}

static void give_names_back(uint32_t n)
{
	while (n != NODE_NONE) {
		struct node *record = ntable_at(n);
		uint32_t parent = record->parent;

		n = atomic_load(&record->other);
		ntable_give_back(record);
		ntable_child_removed(parent);
	}
}

void ntable_free_if_unused(struct node *node)
{
	struct ntable_kept kept = {NODE_NONE, NODE_NONE};
	uint32_t names = NODE_NONE;
	bool has_several;

	pthread_rwlock_wrlock(&ntable.tree_lock);
	struct node_shard *s = ntable_lock_shard(node);

	has_several = is_to_be_freed(node) && node_names(node) > 1;
	if (is_to_be_freed(node) && !has_several)
		kept = ntable_free(s, node);
	pthread_mutex_unlock(&s->lock);
	/* Only a writer of the tree changes which names it has. */
	if (has_several)
		names = free_with_names(node, &kept);
	pthread_rwlock_unlock(&ntable.tree_lock);
	ntable_child_removed(kept.parent);
	ntable_child_removed(kept.object);
	give_names_back(names);
}

void ntable_child_removed(uint32_t parent)
{
	if (parent == NODE_NONE)
		return;
	if (atomic_fetch_sub(&ntable_at(parent)->children, 1) == 1 && ntable_is_unused(ntable_at(parent)))
		ntable_free_if_unused(ntable_at(parent));
}

/* The oldest is overwritten. A node used again is skipped; one resting twice goes by the first time. */
static struct {
	_Atomic uint64_t ids[NODE_RESTING_MAX];
	_Atomic uint32_t next;
} resting;

static bool may_rest(const struct node *node)
{
	/* Nothing on storage would tell again that the names are one file. */
	return node_names(node) > 1 ||
	       (node->backend == NODE_LOCAL && node->fh_length > 0 && !(node->flags & NODE_KEEPS_FD));
}

/* The oldest's turn has come. */
static void put_to_rest(uint64_t id)
{
	uint32_t at = atomic_fetch_add(&resting.next, 1) % NODE_RESTING_MAX;
	struct node *oldest = node_from_id(atomic_exchange(&resting.ids[at], id));

	if (oldest && ntable_is_unused(oldest))
		ntable_free_if_unused(oldest);
}

void ntable_rest_if_unused(struct node *node)
{
	struct node_shard *s = ntable_lock_shard(node);
	bool unused = is_to_be_freed(node);
	bool rests = unused && may_rest(node);
	uint64_t id = node_id(node, node_index(node));

	if (rests)
		nodefd_drop(fs.arena, node_index(node));
	pthread_mutex_unlock(&s->lock);
	if (rests)
		put_to_rest(id);
	else if (unused)
		ntable_free_if_unused(node);
}

void ntable_rest_all_unused(void)
{
	/* Children mostly come after parents. */
	for (uint32_t n = atomic_load(&fs.arena->nodes_used); n-- > 0;)
		if (atomic_load(&ntable_at(n)->state) == NODE_LIVE && ntable_is_unused(ntable_at(n)))
			ntable_rest_if_unused(ntable_at(n));
}
