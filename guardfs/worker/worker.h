/* worker.h: the process that serves requests. Guardian clones it with a shared descriptor table. It may be
 * killed at any moment; its successor takes over from the arena. */
#ifndef GUARDFS_WORKER_WORKER_H
#define GUARDFS_WORKER_WORKER_H

#include "base/base.h"
#include "shm/arena.h"

#define WORKER_EXIT_QUIESCED  0 /* as board.requests.quiesce asked */
#define WORKER_EXIT_UNMOUNTED 3 /* the kernel ended the session */
#define WORKER_EXIT_FAILED    4 /* could not start, and has said why */

#define WORKER_HEARTBEAT_MS 100u /* while requests wait */
#define WORKER_IDLE_MS	    200u /* otherwise; guardian misses it after a second */

/* Serves until told to stop, then exits. generation: board.worker_generation at its start. */
int worker_main(struct arena *arena, uint32_t generation);

#endif
