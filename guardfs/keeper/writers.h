/* writers.h: which files of backends are open for writing, kept in the journal's memory: when guardfs or the
 * machine ends without having ended, they are suspect at the next start. Keeper only.
 *
 * Looked at every few seconds, from the arena alone: a file that was opened in the last of them is not known.
 * Kept under "writing/BACKEND/OBJECT". */
#ifndef GUARDFS_KEEPER_WRITERS_H
#define GUARDFS_KEEPER_WRITERS_H

#include "base/base.h"

struct keeper;
struct writers;

/* Files those suspect that the last session left open, if the arena is a new one. While k->recalled is valid,
 * before the first worker can have filed anything of this session. NULL: memory is short. */
struct writers *writers_start(struct keeper *k);

/* Every second or so. */
void writers_tick(struct keeper *k, uint64_t now_ns);

/* ended: guardfs ends as it should, nothing is open any more. */
void writers_stop(struct keeper *k, bool ended);

#endif
