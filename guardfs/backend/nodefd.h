/* nodefd.h: the cache of nodes' O_PATH descriptors. Each is in its node's fd word (shm/node.h), where a
 * successor finds it.
 *
 * A hit is one compare-and-swap; a small lock is taken only when a descriptor comes in or makes room. The
 * word's 16 bits of pins: a count of 14, "used lately" (second chance of the clock), "dropped" (the last
 * unpin closes). Worker, any thread. Nothing here can hang: closing an O_PATH descriptor touches no
 * storage. */
#ifndef GUARDFS_BACKEND_NODEFD_H
#define GUARDFS_BACKEND_NODEFD_H

#include "base/base.h"
#include "shm/arena.h"

/* The node's descriptor of that epoch (0: local tier), open until nodefd_unpin. -ENOENT: none. */
int nodefd_pin(struct arena *arena, uint32_t node, uint32_t epoch) WARN_UNUSED;
void nodefd_unpin(struct arena *arena, uint32_t node);

/* Records fd and pins it. False: the node has one, or a stale one is in use, or there is no room; fd stays
 * the caller's. */
bool nodefd_adopt(struct arena *arena, uint32_t node, uint32_t epoch, int fd) WARN_UNUSED;

/* After an error of open(2), dup(2) and the like: closes some of the cache if descriptors are out. True:
 * try again. */
bool nodefd_shed(int error) WARN_UNUSED;

/* Its descriptor is its only handle: never evicted, and outside the limit. */
static inline bool nodefd_keeps(const struct node *node)
{
	return node->backend == NODE_LOCAL &&
	       ((node->fh_length == 0 && !(node->flags & NODE_MOUNTED)) || node->flags & NODE_KEEPS_FD);
}

#endif
