/* Backends' files open for writing, in the journal's memory: if guardfs or the machine ends unasked, they are
 * suspect at the next start.
 *
 * Looked at every few seconds, from the arena alone: a file opened since is unknown. Kept under
 * "writing/BACKEND/OBJECT". */
#ifndef GUARDFS_KEEPER_WRITERS_H
#define GUARDFS_KEEPER_WRITERS_H

#include "base/base.h"

struct arena;
struct keeper;
struct writers;

/* Is the object open for writing, not given up? Also in a child. */
bool writers_have(const struct arena *arena, uint32_t backend, const char *object);

/* In a new arena the last session's files become suspect. While k->recalled is valid, before the first worker can
 * file anything. NULL: memory is short. */
struct writers *writers_start(struct keeper *k);

/* Every second or so. */
void writers_tick(struct keeper *k, uint64_t now_ns);

/* ended: guardfs ends as asked, nothing is open any more. */
void writers_stop(struct keeper *k, bool ended);

#endif
