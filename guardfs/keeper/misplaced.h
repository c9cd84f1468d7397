/* misplaced.h: counts onto the board what in the local tier's directory belongs on a backend
 * (config/localtier.h): at every change of the tier map and each minute, in a child, since the disk may be
 * slow. Keeper only. */
#ifndef GUARDFS_KEEPER_MISPLACED_H
#define GUARDFS_KEEPER_MISPLACED_H

#include "base/base.h"
#include <sys/types.h>

struct keeper;

struct misplaced {
	/* Of the child that looks; 0: none. */
	pid_t pid;
	/* When the next look begins. */
	uint64_t next_ns;
	/* At the beginning of the last look. */
	uint32_t map_generation;
};

/* Begins a due look, unless one is under way. */
void misplaced_tick(struct keeper *k, uint64_t now_ns);

/* A child has ended, this one or another. */
void misplaced_reaped(struct keeper *k, pid_t pid, int status);

#endif
