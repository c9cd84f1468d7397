/* Nodes' paths as callers see them. */
#include "fs/node_table.h"
#include "fs/tiers.h"

#include <pthread.h>

static errint_t path_of(uint32_t index, bool lost, char *path, size_t size)
{
	const struct node *node = ntable_at(index);
	char target[4096];
	errint_t rc;

	if (ntable_object(node) != NODE_NONE)
		node = ntable_at(ntable_object(node));
	if (!ntable_is_guarded(node) || node->flags & NODE_VIEW)
		return node_path_in_tier(node_index(node), lost, path, size);
	rc = node_path_in_tier(node_index(node), lost, target, sizeof(target));
	return rc < 0 ? rc : tiers_path_of_target(node->backend, target, path, size);
}

uint32_t node_directory(const struct node *file)
{
	const struct node *dir;

	if (file->backend != NODE_LOCAL || S_ISDIR(file->mode))
		return file->parent;
	dir = arena_node(fs.arena, atomic_load_explicit(&file->home, memory_order_relaxed));
	return dir ? node_index(dir) : NODE_NONE;
}

/* Does its route lead there from below a local directory? */
static bool is_routed_below(uint32_t index, uint32_t dir)
{
	char path[4096], above[4096];
	size_t length;

	if (node_last_path(index, path, sizeof(path)) < 0 || node_path(dir, above, sizeof(above)) < 0)
		return false;
	length = strlen(above);
	return strncmp(path, above, length) == 0 && path[length] == '/';
}

bool node_is_below(uint32_t index, uint32_t top)
{
	uint32_t n = index;

	if (index == top || top == 0)
		return true;
	if (ntable_is_guarded(ntable_at(index)) && ntable_at(top)->backend == NODE_LOCAL)
		return is_routed_below(index, top);
	pthread_rwlock_rdlock(&ntable.tree_lock);
	do
		n = node_directory(ntable_at(n));
	while (n != NODE_NONE && n != 0 && n != top);
	pthread_rwlock_unlock(&ntable.tree_lock);
	return n == top;
}

errint_t node_path(uint32_t index, char *path, size_t size)
{
	return path_of(index, false, path, size);
}

errint_t node_last_path(uint32_t index, char *path, size_t size)
{
	return path_of(index, true, path, size);
}
