/* Exponential backoff with jitter. */
#ifndef GUARDFS_POLICY_BACKOFF_H
#define GUARDFS_POLICY_BACKOFF_H

#include "base/base.h"

/* Ms before retry number attempt (from 0): min_ms doubled per attempt, spread over [3/4, 5/4] by random (any
 * 32 bits), within [min_ms * 3/4, max_ms], at least 1. */
uint64_t backoff_delay_ms(uint32_t attempt, uint64_t min_ms, uint64_t max_ms, uint32_t random);

#endif
