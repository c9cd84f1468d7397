/* What guardfs left beside state files when it ended (docs/STATEFILES.md), removed once a listing shows
 * them. Any thread of worker. */
#ifndef GUARDFS_FS_LEFTOVERS_H
#define GUARDFS_FS_LEFTOVERS_H

#include "fs/context.h"

/* A listing of dir, of a guarded tier, has shown this name of statefile_beside. Within the guard; asks
 * nothing. */
void leftovers_seen(uint32_t dir, const char *name);

/* Is there something to look at now? */
bool leftovers_are_seen(unsigned backend);

/* Looks at what was seen, and removes what is this guardfs's own and old enough. In a thread with an empty
 * RUNNING slot, one for each backend; may hang. */
void leftovers_sweep(unsigned backend);

#endif
