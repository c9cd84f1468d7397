/* When guardian starts the next keeper. */
#ifndef GUARDFS_POLICY_RESTART_H
#define GUARDFS_POLICY_RESTART_H

#include "base/base.h"

/* How a keeper ended. Times are of CLOCK_MONOTONIC. */
struct restart_end {
	uint64_t started_ns, ended_ns;
	/* Its last heartbeat. */
	uint64_t heartbeat_ns;
	/* As it was asked to. */
	bool planned;
	/* Killed for its silence. */
	bool silent;
};

/* Ms from a keeper's end to the next one's start. 0 unless it and the one before ended early; then doubled with each further one,
 * up to 5 s. *early: how many in a row did, which this keeps; 0 at first. random: any 32 bits. Any process, any thread. */
uint64_t restart_keeper_delay_ms(uint32_t *early, const struct restart_end *end, uint32_t random);

#endif
