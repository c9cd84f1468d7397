/* Places of guarded backends' nodes, by names. For backend/, and fs/listed.c.
 *
 * Names and parents are read without a lock while fs/ may rename: a path may be out of date as soon as it is built.
 * Worker, any thread. */
#ifndef GUARDFS_BACKEND_TREE_H
#define GUARDFS_BACKEND_TREE_H

#include "backend/backend.h"

static inline uint32_t tree_parent(const struct node *node)
{
	return __atomic_load_n(&node->parent, __ATOMIC_RELAXED);
}

static inline bool tree_is_root(const struct node *node)
{
	return atomic_load_explicit(&node->flags, memory_order_relaxed) & NODE_ROUTE_ROOT;
}

static inline bool tree_is_directory(const struct node *node)
{
	return S_ISDIR(__atomic_load_n(&node->mode, __ATOMIC_RELAXED));
}

/* In the backend's own tree, where names lead? A view (fs/view.h) is not. */
bool tree_has(const struct backend *b, const struct node *node);

/* "": it has lost its name. */
const char *tree_name(const struct backend *b, const struct node *node);

/* For a node whose name leads to another type. The root is configured: without it the backend is down (-ESTALE). */
errint_t tree_gone(const struct node *node);

/* For a node that lost its name, or is below one that did: BACKEND_NODE_GONE; of a directory -ENOENT. */
errint_t tree_nameless(const struct node *node);

/* Has mode the node's type, if that is known? 0 or tree_gone. */
errint_t tree_check_type(const struct node *node, mode_t mode);

/* A path that is built from its end. */
struct tree_path {
	char *text;
	size_t size;
	/* Points into text; relative, "": the base itself. */
	char *path;
};

void tree_path_start(struct tree_path *p);

/* Puts components before those there. 0 or -ENAMETOOLONG. */
errint_t tree_path_prepend(struct tree_path *p, const char *part) WARN_UNUSED;

/* Puts the path of node, from its ancestor base (NODE_NONE: the backend's root) on, before what is there. 0;
 * -ENAMETOOLONG; -ESTALE: base is no ancestor; or tree_nameless. */
errint_t tree_path_of(const struct backend *b, uint32_t base, uint32_t node, struct tree_path *p) WARN_UNUSED;

/* Parent and name of one moment. name: NAME_LENGTH_MAX + 1 bytes. */
uint32_t tree_place(const struct backend *b, const struct node *node, char *name);

#endif
