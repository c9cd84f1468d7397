/* checkpoint_wait.h: whether a backend's files sync by themselves (checkpoint), and the waiting of the thread that does it.
 * Any thread. */
#ifndef GUARDFS_FS_CHECKPOINT_WAIT_H
#define GUARDFS_FS_CHECKPOINT_WAIT_H

#include "fs/context.h"

/* By its configuration. */
bool checkpoint_is_set(unsigned backend);
/* And its server can be asked to sync. */
bool checkpoint_is_on(unsigned backend);

/* Storage has answered that it cannot sync: it is not asked again over this connection. */
void checkpoint_is_unable(const struct backend *b);

/* An open file has so many bytes that are not synced, and had `before`. Two loads where checkpoints are off. */
void checkpoint_note(unsigned backend, uint64_t before, uint64_t unsynced);

/* Is a file with so many of them due, the first of which was acknowledged then? Else *due_ns: when it will be, if
 * it is earlier. */
bool checkpoint_is_due(unsigned backend, uint64_t unsynced, uint64_t since_ns, uint64_t now_ns,
		       uint64_t *due_ns);

/* Blocks until checkpoint_note has something to say, or until then (CLOCK_MONOTONIC; UINT64_MAX: for good). */
void checkpoint_wait(unsigned backend, uint64_t until_ns);

#endif
