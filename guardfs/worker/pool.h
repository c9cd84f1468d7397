/* Slots and the threads that read, run and park requests. pool_init: before threads; the last three: control
 * thread. */
#ifndef GUARDFS_WORKER_POOL_H
#define GUARDFS_WORKER_POOL_H

#include "base/base.h"
#include "shm/arena.h"

/* Takes stock of a predecessor's slots: sends recorded replies, reruns what may run twice, answers the rest with
 * the configured errno. */
errint_t pool_init(struct arena *arena, int dev_fd, uint32_t generation) WARN_UNUSED;

/* Starts reading requests. */
errint_t pool_start(void) WARN_UNUSED;

/* Runs what may run now. */
void pool_run_parked(unsigned backend);

/* At every heartbeat: frees slots that guardian answered, and runs what waits for a late task. */
void pool_tick(void);

/* Stops reading; waits, at most timeout_ms, for what runs outside backends. */
void pool_quiesce(unsigned timeout_ms);

#endif
