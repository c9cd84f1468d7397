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

/* The open file was closed, and its caller has the answer: syncs what is not synced of it, or makes it suspect. The
 * caller holds its node. May take long; without the guard. */
void checkpoint_last(struct handle *h);
/* Would it do something? */
bool checkpoint_is_left(struct handle *h);

#endif
