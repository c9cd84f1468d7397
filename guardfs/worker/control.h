/* control.h: the worker's own thread: heartbeat, messages from keeper, housekeeping. Never enters a backend.
 */
#ifndef GUARDFS_WORKER_CONTROL_H
#define GUARDFS_WORKER_CONTROL_H

#include "shm/arena.h"

/* Runs until board.requests.quiesce differs from quiesce_seen; then stops the pool and returns. */
void control_run(struct arena *arena, uint32_t quiesce_seen);

#endif
