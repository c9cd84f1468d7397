/* checkpoint.h: files of a backend with `checkpoint` sync by themselves while they are written, and once more when they
 * are closed (docs/INTEGRITY.md). A failure is told to whoever has the file open; of a closed one, as a suspect. */
#ifndef GUARDFS_FS_CHECKPOINT_H
#define GUARDFS_FS_CHECKPOINT_H

#include "fs/context.h"

/* Syncs what is due, one open file after the other. False: nothing is; *due_ns: when to look again (CLOCK_MONOTONIC). May
 * hang: in a thread without a slot, one for a backend. */
bool checkpoint_step(unsigned backend, uint64_t *due_ns);

/* Does that for good. */
void checkpoint_run(unsigned backend);

/* ---- files that are closed (handle.sync_last) ---- */

/* Counts a predecessor's. Before threads, after handle_init. */
void checkpoint_init(void);

/* Is a file of which the last descriptor is being closed still to be synced? */
bool checkpoint_is_left(struct handle *h);

/* From now on h is synced once, by checkpoint_last or by the thread of checkpoint_run, over any number of workers; until
 * then nobody frees it. Before the close is answered, with h in use and its node held. */
void checkpoint_closes(struct handle *h);

/* Syncs it now, if there is a place in the backend, or leaves it to checkpoint_run; what cannot be synced is suspect. Without
 * the guard, with h in use. */
void checkpoint_last(struct handle *h);

/* guardfs ends: does one still wait? */
bool checkpoint_waits(void);
/* Nobody will sync them: they are suspect. */
void checkpoint_give_up(void);

/* Do so many of h's backend wait that its close is to sync h itself? */
bool checkpoint_is_crowded(struct handle *h);

/* Within the guard: what such a close does in the place of a flush; one where storage cannot sync. */
errint_t checkpoint_at_close(struct backend *b, struct handle *h, bool data_only) WARN_UNUSED;

#endif
