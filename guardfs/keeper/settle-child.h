/* settle-child.h: the look at a suspect file, in a child that may hang. */
#ifndef GUARDFS_KEEPER_SETTLE_CHILD_H
#define GUARDFS_KEEPER_SETTLE_CHILD_H

#include "keeper/probe.h"
#include "shm/arena.h"
#include "verify/verify.h"
#include <stdatomic.h>

struct settle_job {
	const struct arena *arena;
	char root[CONFIG_PATH_MAX + 128]; /* of the backend */
	bool has_expected;
	struct probe_root expected; /* the directory that it is */
	uint32_t epoch;
	const struct suspect *suspect; /* in the child's own memory */
};

/* Keeper reads result.whole_to of a killed child. */
struct settle_shared {
	_Atomic uint32_t done; /* the result is whole */
	struct verify_result result;
};

/* Fills shared->result. Returns the exit status. In the child. */
int settle_child(const struct settle_job *job, struct settle_shared *shared);

#endif
