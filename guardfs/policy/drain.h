/* Measures how fast a backend takes what is owed, and bounds that so that a close keeps its deadline on a
 * slow link. Zero-initialise. The caller locks. now_ns: any one clock. */
#ifndef GUARDFS_POLICY_DRAIN_H
#define GUARDFS_POLICY_DRAIN_H

#include "base/base.h"

struct drain {
	uint64_t rate;	   /* bytes a second; 0: unknown */
	uint64_t since_ns; /* begin of the measurement; 0: none */
	uint64_t confirmed;
	bool from_rest; /* nothing was on its way when it began */
};

/* Bytes are owed after none were, or all go anew over another connection. */
void drain_begin(struct drain *d, uint64_t now_ns);

/* left: bytes still owed. */
void drain_confirmed(struct drain *d, uint64_t n, uint64_t left, uint64_t now_ns);

/* Nothing is owed any more. An idle time is no measure. */
void drain_end(struct drain *d);

/* Bytes that may be owed: as many as go within_ms, from `least` (also at an unknown rate) to `most`. */
uint64_t drain_limit(const struct drain *d, uint64_t within_ms, uint64_t least, uint64_t most);

#endif
