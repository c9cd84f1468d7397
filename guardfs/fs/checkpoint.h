/* Files of a backend with `checkpoint` sync by themselves (docs/INTEGRITY.md, "Checkpoints"). */
#ifndef GUARDFS_FS_CHECKPOINT_H
#define GUARDFS_FS_CHECKPOINT_H

#include "fs/context.h"

/* Syncs what is due, one open file after the other. False: nothing is; *due_ns: when to look again
 * (CLOCK_MONOTONIC). May hang: in a thread without a slot, one for a backend. */
bool checkpoint_step(unsigned backend, uint64_t *due_ns);

/* Does that for good. */
void checkpoint_run(unsigned backend);

/* Counts a predecessor's closed files (handle.sync_last). Before threads, after handle_init. */
void checkpoint_init(void);

/* Is a file whose last descriptor is being closed still to be synced? */
bool checkpoint_is_left(struct handle *h);

/* From now on h is synced once, by checkpoint_last or checkpoint_run, over any number of workers; until
 * then nobody frees it. Before the close is answered, with h in use and its node held. */
void checkpoint_closes(struct handle *h);

/* Syncs it now, if the backend has a place, or leaves it to checkpoint_run; what cannot be synced is
 * suspect. Without the guard, with h in use. */
void checkpoint_last(struct handle *h);

/* guardfs ends: does one still wait? */
bool checkpoint_waits(void);
/* Nobody will sync them: they are suspect. */
void checkpoint_give_up(void);

/* Do so many of h's backend wait that a close must sync h itself? */
bool checkpoint_is_crowded(struct handle *h);

/* Within the guard: what such a close does instead of a flush; a flush where storage cannot sync. */
errint_t checkpoint_at_close(struct backend *b, struct handle *h, bool data_only) WARN_UNUSED;

#endif
