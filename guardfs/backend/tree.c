#include "backend/tree.h"

#include <errno.h>

bool tree_has(const struct backend *b, const struct node *node)
{
	return node->backend == b->index &&
	       !(atomic_load_explicit(&node->flags, memory_order_relaxed) & NODE_VIEW);
}

const char *tree_name(const struct backend *b, const struct node *node)
{
	if (atomic_load_explicit(&node->flags, memory_order_relaxed) & NODE_UNLINKED)
		return "";
	return name_get(&b->arena->names, __atomic_load_n(&node->name, __ATOMIC_ACQUIRE));
}

errint_t tree_gone(const struct node *node)
{
	return tree_is_root(node) ? -ESTALE : BACKEND_NODE_GONE;
}

/* A removed directory is empty and takes nothing; a working directory has no name to look up again. */
errint_t tree_nameless(const struct node *node)
{
	return tree_is_directory(node) && !tree_is_root(node) ? -ENOENT : tree_gone(node);
}

errint_t tree_check_type(const struct node *node, mode_t mode)
{
	mode_t known = __atomic_load_n(&node->mode, __ATOMIC_RELAXED) & S_IFMT;

	return known && known != (mode & S_IFMT) ? tree_gone(node) : 0;
}

void tree_path_start(struct tree_path *p)
{
	p->path = p->text + p->size - 1;
	*p->path = '\0';
}

errint_t tree_path_prepend(struct tree_path *p, const char *part)
{
	size_t n = strlen(part);
	size_t slash = *p->path != '\0';

	if (n == 0)
		return 0;
	if ((size_t)(p->path - p->text) < n + slash)
		return -ENAMETOOLONG;
	if (slash)
		*--p->path = '/';
	p->path -= n;
	memcpy(p->path, part, n);
	return 0;
}

/* A rename changes both, and frees the old name's bytes. */
uint32_t tree_place(const struct backend *b, const struct node *node, char *name)
{
	struct node seen;

	do {
		atomic_store(&seen.place, atomic_load(&node->place));
		name[0] = '\0';
		if (!(atomic_load_explicit(&node->flags, memory_order_relaxed) & NODE_UNLINKED))
			strncpy(name, name_get(&b->arena->names, seen.name), NAME_LENGTH_MAX + 1);
		name[NAME_LENGTH_MAX] = '\0';
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load(&seen.place) != atomic_load(&node->place));
	return seen.parent;
}

errint_t tree_path_of(const struct backend *b, uint32_t base, uint32_t node, struct tree_path *p)
{
	const struct node *whole = &b->arena->nodes[node];

	while (node != base) {
		char name[NAME_LENGTH_MAX + 1];
		const struct node *n;
		errint_t rc;

		if (node >= NODE_MAX)
			return -ESTALE;
		n = &b->arena->nodes[node];
		if (!tree_has(b, n))
			return -ESTALE;
		if (tree_is_root(n))
			return base == NODE_NONE ? 0 : -ESTALE;
		node = tree_place(b, n, name);
		rc = name[0] ? tree_path_prepend(p, name) : tree_nameless(whole);
		if (rc < 0)
			return rc;
	}
	return 0;
}
