/* Counts the local tier's files that belong on a backend (config/localtier.h), in a child. */
#ifndef GUARDFS_KEEPER_MISPLACED_H
#define GUARDFS_KEEPER_MISPLACED_H

#include "base/base.h"
#include <sys/types.h>

struct keeper;

struct misplaced {
	/* The child; 0: none. */
	pid_t pid;
	uint64_t next_ns;
	/* At the last look. */
	uint32_t map_generation;
};

void misplaced_tick(struct keeper *k, uint64_t now_ns);

void misplaced_reaped(struct keeper *k, pid_t pid, int status);

#endif
