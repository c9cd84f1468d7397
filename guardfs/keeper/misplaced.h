/* misplaced.h: what of the local tier's own directory belongs on a backend (config/localtier.h), counted onto
 * the board: at every change of the tier map and each minute, in a child, since a disk may let one wait.
 * Keeper only. */
#ifndef GUARDFS_KEEPER_MISPLACED_H
#define GUARDFS_KEEPER_MISPLACED_H

#include "base/base.h"
#include <sys/types.h>

struct keeper;

struct misplaced {
	pid_t pid;		 /* of the child that looks; 0: none */
	uint64_t next_ns;	 /* when the next one begins */
	uint32_t map_generation; /* that the last one began with */
};

/* Begins a look that is due, unless one is under way. */
void misplaced_tick(struct keeper *k, uint64_t now_ns);

/* A child has ended; it may have been ours. */
void misplaced_reaped(struct keeper *k, pid_t pid, int status);

#endif
