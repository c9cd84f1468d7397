/* Unlink, rename, paths within a tier. */
#include "fs/node_numbers.h"
#include "fs/node_table.h"
#include "base/cleanup.h"

#include <errno.h>

/* expected: NULL: any node. */
static void take_name(uint32_t parent, const char *name, const struct node *expected)
{
	struct node *node;

	/* The lock keeps the node in its shard, the pin keeps it live. */
	pthread_rwlock_rdlock(&ntable.tree_lock);
	node = node_find_guarded(parent, name, NODE_PINNED);
	if (node) {
		struct node_shard *s = ntable_lock_shard(node);

		if (!(node->flags & NODE_UNLINKED) && (!expected || node == expected))
			node_lose_name(s, node);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_rwlock_unlock(&ntable.tree_lock);
	if (node)
		node_unpin(node);
}

void node_unlinked(uint32_t parent, const char *name)
{
	take_name(parent, name, NULL);
}

void node_vanished(const struct node *node, uint32_t parent, const char *name)
{
	take_name(parent, name, node);
}

void node_replaced(struct node *node)
{
	struct node_shard *s;

	pthread_rwlock_rdlock(&ntable.tree_lock);
	s = ntable_lock_shard(node);
	if (!(node->flags & NODE_UNLINKED))
		node_lose_name(s, node);
	pthread_mutex_unlock(&s->lock);
	pthread_rwlock_unlock(&ntable.tree_lock);
}

/* Under tree_lock for writing. */
static void unindex_node(struct node *node)
{
	struct node_shard *s = ntable_shard(ntable.links[node_index(node)].hash);

	ACQUIRE_LOCK(&s->lock);
	number_keep(node);
	ntable_remove(s, node_index(node));
}

static void reindex_node(struct node *node)
{
	struct node_key k = ntable_key_of(node);
	uint32_t hash = ntable_hash(&k);
	struct node_shard *s = ntable_shard(hash);

	ACQUIRE_LOCK(&s->lock);
	ntable_insert(s, hash, node_index(node));
}

static void place_guarded(struct node *node, uint32_t parent, uint32_t name_ref)
{
	node->parent = parent;
	node->name = name_ref;
	reindex_node(node);
	node_target_moved(node);
	number_settle(node);
}

static void rename_guarded(uint32_t parent, const char *name, uint32_t newparent, const char *newname,
			   bool exchange)
{
	struct node *from = node_find_guarded(parent, name, NODE_PINNED);
	struct node *to = node_find_guarded(newparent, newname, NODE_PINNED);
	struct node *const held[] = {from, to};
	uint32_t from_ref = 0, to_ref = 0, old_from = 0, old_to = 0;

	if (to && !exchange && to != from) {
		node_unlinked(newparent, newname);
		to = NULL;
	}
	if (from)
		from_ref = ntable_name_put(newname);
	if (to && exchange)
		to_ref = ntable_name_put(name);
	pthread_rwlock_wrlock(&ntable.tree_lock);
	if (from && from_ref) {
		old_from = from->name;
		unindex_node(from);
	}
	if (to && to_ref) {
		old_to = to->name;
		unindex_node(to);
	}
	if (from && from_ref)
		place_guarded(from, newparent, from_ref);
	if (to && to_ref)
		place_guarded(to, parent, to_ref);
	pthread_rwlock_unlock(&ntable.tree_lock);
	ntable_name_drop(old_from);
	ntable_name_drop(old_to);
	if (from && from_ref && parent != newparent) {
		ntable_child_added(newparent);
		ntable_child_removed(parent);
	}
	if (to && to_ref && parent != newparent) {
		ntable_child_added(parent);
		ntable_child_removed(newparent);
	}
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		if (held[i])
			node_unpin(held[i]);
}

void node_renamed(uint32_t parent, const char *name, uint32_t newparent, const char *newname, bool exchange)
{
	/* Only guarded nodes are known by names; a local directory is placed by the next lookup. */
	if (ntable_is_guarded(ntable_at(parent)))
		rename_guarded(parent, name, newparent, newname, exchange);
}

/* Built from its end. */
struct path {
	char text[4096];
	size_t at;
};

static errint_t path_prepend(struct path *p, const char *name)
{
	size_t length = strlen(name), slash = p->text[p->at] != '\0';

	if (length + slash > p->at)
		return -ENAMETOOLONG;
	if (slash)
		p->text[--p->at] = '/';
	p->at -= length;
	memcpy(p->text + p->at, name, length);
	return 0;
}

static bool is_backend_root(const struct node *node)
{
	return ntable_is_guarded(node) && (node->flags & (NODE_ROUTE_ROOT | NODE_VIEW)) == NODE_ROUTE_ROOT;
}

/* Under tree_lock. A nameless node keeps its last name. */
static errint_t path_up(uint32_t index, bool lost, struct path *p)
{
	errint_t rc = 0;

	p->at = sizeof(p->text) - 1;
	p->text[p->at] = '\0';
	for (uint32_t n = index; n != 0 && rc == 0; n = ntable_at(n)->parent) {
		const struct node *node = n == NODE_NONE ? NULL : ntable_at(n);

		if (!node || (node->flags & NODE_UNLINKED && !lost) || !node->name)
			return -ESTALE;
		if (is_backend_root(node))
			return 0;
		rc = path_prepend(p, ntable_name(node));
	}
	return rc;
}

errint_t node_path_in_tier(uint32_t index, bool lost, char *path, size_t size)
{
	struct path p;
	errint_t rc;

	pthread_rwlock_rdlock(&ntable.tree_lock);
	rc = path_up(index, lost, &p);
	pthread_rwlock_unlock(&ntable.tree_lock);
	return rc < 0 ? rc : copy_string(path, size, p.text + p.at);
}

errint_t node_place(const struct node *node, uint32_t *parent, char name[NAME_LENGTH_MAX + 1])
{
	errint_t rc = -ESTALE;

	pthread_rwlock_rdlock(&ntable.tree_lock);
	if (ntable_is_guarded(node) && !(node->flags & (NODE_ROUTE_ROOT | NODE_VIEW)) && node->name) {
		*parent = node->parent;
		rc = copy_string(name, NAME_LENGTH_MAX + 1, ntable_name(node));
	}
	pthread_rwlock_unlock(&ntable.tree_lock);
	return rc;
}
