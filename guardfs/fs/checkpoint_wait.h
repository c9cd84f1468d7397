/* Whether a backend's files sync by themselves (checkpoint), and the waiting of the syncing thread. Any
 * thread. */
#ifndef GUARDFS_FS_CHECKPOINT_WAIT_H
#define GUARDFS_FS_CHECKPOINT_WAIT_H

#include "fs/context.h"

/* By its configuration. */
bool checkpoint_is_set(unsigned backend);
/* Can its server be asked to sync, as far as is known? Else a sync that returned 0 has made nothing durable. */
bool checkpoint_can_sync(unsigned backend);
/* Both. */
bool checkpoint_is_on(unsigned backend);

/* Storage cannot sync: it is not asked again over this connection. */
void checkpoint_is_unable(const struct backend *b);

/* An open file has so many unsynced bytes, and had `before`. Two loads where checkpoints are off. */
void checkpoint_note(unsigned backend, uint64_t before, uint64_t unsynced);

/* Is a file with so many unsynced bytes due, the first acknowledged at since_ns? Else *due_ns: when it
 * will be, if earlier. */
bool checkpoint_is_due(unsigned backend, uint64_t unsynced, uint64_t since_ns, uint64_t now_ns,
		       uint64_t *due_ns);

/* Blocks until checkpoint_note wakes it, or until then (CLOCK_MONOTONIC; UINT64_MAX: for good). */
void checkpoint_wait(unsigned backend, uint64_t until_ns);

#endif
