/* nodefd.h: the cache of O_PATH descriptors of nodes. Each lives in its node's fd word (shm/node.h), so that
 * a successor finds it again.
 *
 * A hit is one compare-and-swap; the small lock is taken only when a descriptor comes in or must make room.
 * The 16 bits of pins in the word are split: 14 bits of count, one "used lately" (second chance of the
 * clock), one "dropped" (whoever unpins last closes). Worker, any thread. None of these functions can hang:
 * closing an O_PATH descriptor touches no storage. */
#ifndef GUARDFS_BACKEND_NODEFD_H
#define GUARDFS_BACKEND_NODEFD_H

#include "base/base.h"
#include "shm/arena.h"

/* The node's cached descriptor of that epoch (0: local tier), pinned: it stays open until nodefd_unpin.
 * -ENOENT: none of that epoch. */
int nodefd_pin(struct arena *arena, uint32_t node, uint32_t epoch) WARN_UNUSED;
void nodefd_unpin(struct arena *arena, uint32_t node);

/* Records fd for the node and pins it. False: there is one already, or a stale one is still in use, or no
 * room can be made: fd then stays the caller's own. */
bool nodefd_adopt(struct arena *arena, uint32_t node, uint32_t epoch, int fd) WARN_UNUSED;

/* After an error of open(2), dup(2) or their like: if it is for want of descriptors, some of the cache are
 * closed. True: it is worth trying again. */
bool nodefd_shed(int error) WARN_UNUSED;

/* A node whose descriptor is its only handle: it is neither evicted nor counted against the limit. */
static inline bool nodefd_keeps(const struct node *node)
{
	return node->backend == NODE_LOCAL &&
	       ((node->fh_length == 0 && !(node->flags & NODE_MOUNTED)) || node->flags & NODE_KEEPS_FD);
}

#endif
