/* pool.h: slots and the threads that read, run and park requests. */
#ifndef GUARDFS_WORKER_POOL_H
#define GUARDFS_WORKER_POOL_H

#include "base/base.h"
#include "shm/arena.h"

/* Takes stock of the slots that a predecessor left: sends replies it had decided on, runs again once what may
 * be run twice, answers the rest with the configured errno. Before threads. 0 or -errno. */
errint_t pool_init(struct arena *arena, int dev_fd, uint32_t generation) WARN_UNUSED;

/* Starts reading requests. */
errint_t pool_start(void) WARN_UNUSED;

/* Runs what is parked for a backend and may run now. Control thread. */
void pool_run_parked(unsigned backend);

/* Gives slots back whose requests guardian has answered; runs what waits for a late task. Every heartbeat,
 * control thread. */
void pool_tick(void);

/* Stops reading and waits, at most timeout_ms, until what is running has come back or is inside a backend.
 * Control thread. */
void pool_quiesce(unsigned timeout_ms);

#endif
