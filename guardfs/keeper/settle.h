/* settle.h: finding out what has become of suspect files, one after the other, each in a child that reads it
 * from storage beside the mount (guardfs/verify/). Only while the backend serves, at a bounded rate, and slower
 * while callers are inside. A look that was cut short goes on where it was. Keeper only. */
#ifndef GUARDFS_KEEPER_SETTLE_H
#define GUARDFS_KEEPER_SETTLE_H

#include "base/base.h"
#include "shm/suspect.h"
#include <sys/types.h>

struct keeper;
struct settle_shared;

struct settle {
	pid_t pid; /* of the child, 0: none */
	bool ended;
	struct settle_shared *shared; /* with the child; NULL: no memory for it */
	uint32_t place, backend, epoch;
	uint64_t filed_ns, told_ns; /* of the suspect it looks at */
	uint64_t next_ns;	    /* not before, CLOCK_MONOTONIC */
	/* By place: when to try again what came to nothing, CLOCK_MONOTONIC; 0: at once. */
	uint64_t retry_ns[SUSPECTS_MAX];
};

void settle_start(struct keeper *k);
/* The child is killed, and its look goes on with the next keeper. */
void settle_stop(struct keeper *k);

/* Begins a look that is due, ends one that must not go on, takes what was found. Returns when to call again at
 * the latest. */
uint64_t settle_step(struct keeper *k, uint64_t now_ns);

/* A child has ended; it may have been ours. */
void settle_reaped(struct keeper *k, pid_t pid);

#endif
