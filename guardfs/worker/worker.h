/* worker.h: the process that serves requests. Cloned by guardian with one descriptor table; killed at any
 * moment, its successor takes over from what the arena says. */
#ifndef GUARDFS_WORKER_WORKER_H
#define GUARDFS_WORKER_WORKER_H

#include "base/base.h"
#include "shm/arena.h"

#define WORKER_EXIT_QUIESCED  0 /* asked to by board.requests.quiesce */
#define WORKER_EXIT_UNMOUNTED 3 /* the kernel has ended the session */
#define WORKER_EXIT_FAILED    4 /* could not start; it has said why */

#define WORKER_HEARTBEAT_MS 100u /* while something waits */
#define WORKER_IDLE_MS	    200u /* else; guardian misses it after a second */

/* Serves until told to stop. Never returns other than by its exit status; generation is
 * board.worker_generation at its start. */
int worker_main(struct arena *arena, uint32_t generation);

#endif
