/* Of arena_check alone. */
#ifndef GUARDFS_SHM_CHECK_H
#define GUARDFS_SHM_CHECK_H

#include "base/child.h"
#include "shm/arena.h"

#define CHECK_FD_LIMIT (1 << 24) /* fits a node's descriptor word */

/* Guardian has the lower ones (base/child.h). */
static inline bool check_is_fd(int64_t fd)
{
	return fd == -1 || (fd >= FD_RESERVED && fd < CHECK_FD_LIMIT);
}

/* Of a node or a handle. */
static inline bool check_is_backend(const struct arena *arena, uint8_t backend)
{
	return backend < arena->board.config.n_backends || backend == NODE_LOCAL || backend == NODE_VIRTUAL;
}

/* Returns how many values it changed. */
uint32_t check_nodes(struct arena *arena);

#endif
