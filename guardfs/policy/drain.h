/* drain.h: how fast a backend takes what is owed to it, and how much may therefore be owed: as much as it
 * takes within a given time, so that a close keeps its deadline on a slow link. Pure: the caller locks, and
 * passes the time in. */
#ifndef GUARDFS_POLICY_DRAIN_H
#define GUARDFS_POLICY_DRAIN_H

#include "base/base.h"

/* All zero: nothing is known yet. */
struct drain {
	uint64_t rate;	    /* bytes a second; 0: not measured yet */
	uint64_t since_ns;  /* begin of the present measurement, 0: none */
	uint64_t confirmed; /* bytes since then */
	bool from_rest;	    /* when the measurement began nothing was on its way */
};

/* Something is owed, and nothing was before; or all that is owed has to go anew, over another connection. */
void drain_begin(struct drain *d, uint64_t now_ns);

/* Storage has confirmed n bytes more, and `left` bytes are still owed. */
void drain_confirmed(struct drain *d, uint64_t n, uint64_t left, uint64_t now_ns);

/* Nothing is owed any more: how long nothing goes on is no measure of the rate. */
void drain_end(struct drain *d);

/* How many bytes may be owed: what goes within_ms, at least `least`, at most `most`; `least` while the rate
 * is not known. */
uint64_t drain_limit(const struct drain *d, uint64_t within_ms, uint64_t least, uint64_t most);

#endif
