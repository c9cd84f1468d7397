/* Are the names of a file still one file on storage? docs/INTERNALS.md, "Several names". Within the guard, any thread. */
#ifndef GUARDFS_FS_LINKS_H
#define GUARDFS_FS_LINKS_H

#include "fs/node.h"

struct link_name {
	uint32_t dir;
	const char *name;
};

/* link(2) gave node's file this name: st is what is found there. It becomes node's, if there is room. */
void links_made(struct backend *b, struct node *node, uint32_t dir, const char *name, const struct stat *st);

/* st was just found at this name of node's. 0: it is node's, as far as can be told. BACKEND_NODE_GONE: it is another
 * file's, and the name is to be taken away (node_vanished). -errno of storage, which is asked for other names of node's
 * if st is not as known; those that are gone are taken away. */
errint_t links_settle(struct backend *b, struct node *node, const struct link_name *at,
		      const struct stat *st) WARN_UNUSED;

/* getattr by node's names, until one leads to the file; those that lead to another one are taken away. */
errint_t links_getattr(struct backend *b, struct node *node, struct stat *st) WARN_UNUSED;

#endif
