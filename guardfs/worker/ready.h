/* Requests that have waited and may run now, and how many threads of the pool (runners) run them. Any thread,
 * but for ready_init. Its lock is a leaf. */
#ifndef GUARDFS_WORKER_READY_H
#define GUARDFS_WORKER_READY_H

#include "base/base.h"

#define READY_NONE UINT16_MAX

/* n slots are ready. Before threads. Returns how many runners the caller is to start; they are counted. */
uint32_t ready_init(const uint16_t *slots, uint32_t n);

/* At most once for each slot at a time. True: the caller is to start a runner, which is counted. */
bool ready_add(uint16_t slot);

/* A counted runner could not be started, or ends by itself. */
void ready_lose_runner(void);

/* A runner's next slot; waits for a while. READY_NONE: the runner is to end, no longer counted. */
uint16_t ready_take(void);

void ready_stop(void);

#endif
