/* The nodes of arena_check: each alone, then against one another. */
#include "shm/check.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define NODE_FLAGS_ALL                                                                            \
	(NODE_ROUTE_ROOT | NODE_UNLINKED | NODE_KNOWN | NODE_KEEPS_FD | NODE_VIEW | NODE_TARGET | \
	 NODE_MOUNTED | NODE_BEHIND)

enum mark { MARK_NEW, MARK_ON_CHAIN, MARK_GOOD, MARK_BAD };

/* Node 0, where the whole mount shows a backend's tree (fs/view.h). */
static bool is_mount_root(const struct arena *arena, const struct node *node)
{
	return node == &arena->nodes[0] && node->parent == NODE_NONE &&
	       (node->flags & (NODE_ROUTE_ROOT | NODE_VIEW)) == (NODE_ROUTE_ROOT | NODE_VIEW);
}

static bool node_is_usable(const struct arena *arena, const struct node *node)
{
	if (!check_is_backend(arena, node->backend) || node->fh_length > NODE_FH_MAX)
		return false;
	if (node->name != 0 && !name_is_valid(&arena->names, node->name))
		return false;
	/* A guarded node is found again by name alone, except a directory below a route. */
	return node->backend >= NODE_VIRTUAL || is_mount_root(arena, node) ||
	       (node_is_below_route(node) ? node->name == 0 : node->name != 0 || node->flags & NODE_UNLINKED);
}

static void tidy_node(struct node *node)
{
	if (node->backend >= NODE_VIRTUAL)
		node->flags &= (uint8_t) ~(NODE_VIEW | NODE_TARGET);
	if (!check_is_fd((int64_t)(atomic_load(&node->fd) >> 40) - 1))
		atomic_store(&node->fd, 0);
	node->flags &= NODE_FLAGS_ALL;
	if (node->backing_id < 0)
		node->backing_id = 0;
}

static uint32_t check_each_node(struct arena *arena, uint32_t used)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct node *node = &arena->nodes[i];
		uint32_t state = atomic_load(&node->state);

		if (state == NODE_FREE || node_is_name(node))
			continue;
		if (state != NODE_LIVE || !node_is_usable(arena, node)) {
			atomic_store(&node->state, NODE_FREE);
			dropped++;
			continue;
		}
		tidy_node(node);
	}
	return dropped;
}

/* From node i to the first decided node, none, or a cycle. *length: nodes newly marked. */
static enum mark judge_chain(const struct arena *arena, uint32_t used, uint8_t *marks, uint32_t i,
			     uint32_t *length)
{
	*length = 0;
	while (i != NODE_NONE) {
		if (i >= used || atomic_load(&arena->nodes[i].state) != NODE_LIVE ||
		    marks[i] == MARK_ON_CHAIN)
			return MARK_BAD;
		if (marks[i] != MARK_NEW)
			return (enum mark)marks[i];
		marks[i] = MARK_ON_CHAIN;
		++*length;
		i = arena->nodes[i].parent;
	}
	return MARK_GOOD;
}

/* The highest node of a bad chain that needs no parent (local, with a file handle): its position + 1, or 0. */
static uint32_t find_anchor(const struct arena *arena, uint32_t i, uint32_t length)
{
	uint32_t anchor = 0;

	for (uint32_t n = 1; n <= length; n++) {
		if (arena->nodes[i].backend == NODE_LOCAL && arena->nodes[i].fh_length > 0)
			anchor = n;
		i = arena->nodes[i].parent;
	}
	return anchor;
}

static uint32_t settle_chain(struct arena *arena, uint8_t *marks, uint32_t i, uint32_t length,
			     enum mark verdict)
{
	uint32_t kept = verdict == MARK_GOOD ? length : find_anchor(arena, i, length);
	uint32_t changed = verdict == MARK_BAD && kept > 0;

	for (uint32_t n = 1; n <= length; n++) {
		struct node *node = &arena->nodes[i];
		uint32_t parent = node->parent;

		marks[i] = n <= kept ? MARK_GOOD : MARK_BAD;
		if (n > kept) {
			atomic_store(&node->state, NODE_FREE);
			changed++;
		} else if (n == kept && verdict == MARK_BAD) {
			node->parent = NODE_NONE;
		}
		i = parent;
	}
	return changed;
}

static bool is_guarded(const struct node *node)
{
	return node->backend < NODE_VIRTUAL;
}

static const struct node *live_node(const struct arena *arena, uint32_t used, uint32_t index)
{
	const struct node *node = index < used ? &arena->nodes[index] : NULL;

	return node && atomic_load(&node->state) == NODE_LIVE ? node : NULL;
}

/* A backend's tree hangs on the virtual node, a route's root on a local directory, a view on its root. */
static bool is_in_place(const struct arena *arena, uint32_t used, const struct node *node)
{
	const struct node *parent = live_node(arena, used, node->parent);

	if (!is_guarded(node))
		return !parent || !is_guarded(parent);
	if (!parent)
		return is_mount_root(arena, node);
	if (node->flags & NODE_ROUTE_ROOT)
		return parent->backend == (node->flags & NODE_VIEW ? NODE_LOCAL : NODE_VIRTUAL);
	return parent->backend == node->backend && (parent->flags & NODE_VIEW) == (node->flags & NODE_VIEW) &&
	       (!(node->flags & NODE_VIEW) || parent->flags & NODE_ROUTE_ROOT);
}

static bool shows_directory(const struct arena *arena, uint32_t used, const struct node *view)
{
	const struct node *object = live_node(arena, used, node_object_index(view));

	return object && object->backend == view->backend && S_ISDIR(object->mode) &&
	       !(object->flags & NODE_VIEW);
}

static uint32_t check_places(struct arena *arena, uint32_t used)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct node *node = &arena->nodes[i];

		if (atomic_load(&node->state) != NODE_LIVE || is_in_place(arena, used, node))
			continue;
		if (is_guarded(node))
			atomic_store(&node->state, NODE_FREE);
		else
			node->parent = NODE_NONE;
		dropped++;
	}
	return dropped;
}

/* Once it is known which nodes stay. A route's root without object looks for it again. */
static uint32_t check_objects(struct arena *arena, uint32_t used)
{
	uint32_t changed = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct node *node = &arena->nodes[i];

		if (atomic_load(&node->state) != NODE_LIVE || !(node->flags & NODE_VIEW) ||
		    shows_directory(arena, used, node))
			continue;
		if (!(node->flags & NODE_ROUTE_ROOT)) {
			atomic_store(&node->state, NODE_FREE);
		} else if (node_object_index(node) != i) {
			atomic_store(&node->object, i);
		} else {
			continue;
		}
		changed++;
	}
	return changed;
}

static bool is_file_with_names(const struct node *file)
{
	return is_guarded(file) && !S_ISDIR(file->mode) && file->name != 0 &&
	       !(file->flags & (NODE_VIEW | NODE_ROUTE_ROOT | NODE_UNLINKED));
}

static bool name_is_usable(const struct arena *arena, uint32_t used, struct node *name)
{
	const struct node *file = live_node(arena, used, node_object_index(name)), *parent;

	if (!file || !is_file_with_names(file) || file->backend != name->backend)
		return false;
	node_settle_name(file, name);
	parent = live_node(arena, used, name->parent);
	return name_is_valid(&arena->names, name->name) && parent && S_ISDIR(parent->mode) &&
	       parent->backend == name->backend && !(parent->flags & NODE_VIEW);
}

/* Once it is known which nodes stay. */
static uint32_t check_file_names(struct arena *arena, uint32_t used)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct node *name = &arena->nodes[i];

		if (!node_is_name(name) || name_is_usable(arena, used, name))
			continue;
		atomic_store(&name->state, NODE_FREE);
		dropped++;
	}
	return dropped;
}

static uint32_t check_parents(struct arena *arena, uint32_t used)
{
	/* Not allocated: untouched marks cost nothing. */
	uint8_t *marks =
	    mmap(NULL, NODE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint32_t dropped = 0;

	if (marks == MAP_FAILED)
		abort(); /* without 4 MiB of address space nothing else would work */
	for (uint32_t i = 0; i < used; i++) {
		uint32_t length;
		enum mark verdict;

		if (atomic_load(&arena->nodes[i].state) != NODE_LIVE || marks[i] != MARK_NEW)
			continue;
		verdict = judge_chain(arena, used, marks, i, &length);
		dropped += settle_chain(arena, marks, i, length, verdict);
	}
	munmap(marks, NODE_MAX);
	return dropped;
}

uint32_t check_nodes(struct arena *arena)
{
	uint32_t used = atomic_load(&arena->nodes_used);
	uint32_t dropped = 0;

	if (used > NODE_MAX) {
		used = NODE_MAX;
		atomic_store(&arena->nodes_used, used);
		dropped++;
	}
	dropped += check_each_node(arena, used);
	dropped += check_places(arena, used);
	dropped += check_parents(arena, used);
	dropped += check_objects(arena, used);
	return dropped + check_file_names(arena, used);
}
