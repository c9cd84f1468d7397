/* The control thread: heartbeat, messages from keeper, housekeeping. It never enters a backend. */
#ifndef GUARDFS_WORKER_CONTROL_H
#define GUARDFS_WORKER_CONTROL_H

#include "shm/arena.h"

/* Returns, the pool stopped, once board.requests.quiesce differs from quiesce_seen. */
void control_run(struct arena *arena, uint32_t quiesce_seen);

#endif
