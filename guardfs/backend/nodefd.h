/* The cache of nodes' O_PATH descriptors, each in its node's fd word (shm/node.h). Any thread. Nothing can hang:
 * closing an O_PATH descriptor touches no storage.
 *
 * The 16 bits of pins: a count of 14, "used lately" (second chance of the clock), "dropped" (the last unpin
 * closes). */
#ifndef GUARDFS_BACKEND_NODEFD_H
#define GUARDFS_BACKEND_NODEFD_H

#include "base/base.h"
#include "shm/arena.h"

/* The descriptor of that epoch (0: local tier), open until nodefd_unpin. -ENOENT: none. */
int nodefd_pin(struct arena *arena, uint32_t node, uint32_t epoch) WARN_UNUSED;
void nodefd_unpin(struct arena *arena, uint32_t node);

/* Records fd and pins it. False: the node has one, a stale one is in use, or no room; fd stays the
 * caller's. */
bool nodefd_adopt(struct arena *arena, uint32_t node, uint32_t epoch, int fd) WARN_UNUSED;

/* After an error of open(2), dup(2) and the like: closes cached descriptors if none are left. True: try
 * again. */
bool nodefd_shed(int error) WARN_UNUSED;

/* Its only handle: never evicted, and beside the limit. */
static inline bool nodefd_keeps(const struct node *node)
{
	return node->backend == NODE_LOCAL &&
	       ((node->fh_length == 0 && !(node->flags & NODE_MOUNTED)) || node->flags & NODE_KEEPS_FD);
}

#endif
