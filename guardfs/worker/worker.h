/* The process that serves requests, cloned by guardian with a shared descriptor table. */
#ifndef GUARDFS_WORKER_WORKER_H
#define GUARDFS_WORKER_WORKER_H

#include "base/base.h"
#include "shm/arena.h"

#define WORKER_EXIT_QUIESCED  0 /* as board.requests.quiesce asked */
#define WORKER_EXIT_UNMOUNTED 3 /* the session has ended */
#define WORKER_EXIT_FAILED    4 /* could not start, and said why */

#define WORKER_HEARTBEAT_MS 100u /* while requests wait */
#define WORKER_IDLE_MS	    200u /* otherwise; guardian misses it after a second */

/* Serves, then exits. generation: board.worker_generation. */
int worker_main(struct arena *arena, uint32_t generation);

#endif
