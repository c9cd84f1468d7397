/* Finds out what has become of suspect files, one by one, in a child that reads them from storage
 * (guardfs/verify/). Only while the backend serves, at a bounded rate, slower while callers are inside. A
 * look cut short goes on later. */
#ifndef GUARDFS_KEEPER_SETTLE_H
#define GUARDFS_KEEPER_SETTLE_H

#include "base/base.h"
#include "shm/suspect.h"
#include <sys/types.h>

struct keeper;
struct settle_shared;

struct settle {
	pid_t pid; /* 0: none */
	bool ended;
	struct settle_shared *shared; /* NULL: no memory */
	uint32_t place, backend, epoch;
	uint64_t filed_ns, told_ns; /* of the suspect looked at */
	uint64_t noted_ns;	    /* progress was stored last */
	uint64_t next_ns;	    /* not before */
	/* By place: when to repeat a vain look; 0: at once. */
	uint64_t retry_ns[SUSPECTS_MAX];
	/* The look's connection: over another it is repeated at once. */
	uint32_t retry_epoch[SUSPECTS_MAX];
};

void settle_start(struct keeper *k);
void settle_stop(struct keeper *k);

uint64_t settle_step(struct keeper *k, uint64_t now_ns);

void settle_reaped(struct keeper *k, pid_t pid);

#endif
