/* blame.h: objects over which a backend was lost, so that one operation does not lose it again and again.
 * Pure: the caller locks, and passes the time (CLOCK_MONOTONIC, never 0). */
#ifndef GUARDFS_POLICY_BLAME_H
#define GUARDFS_POLICY_BLAME_H

#include "base/base.h"

#define BLAME_MAX	 64
#define BLAME_STRIKES	 3 /* of them an object is refused; an outage may hit any object once or twice */
#define BLAME_MEMORY_MS	 (3600u * 1000u)    /* age at which strikes are forgotten */
#define BLAME_FIRST_MS	 (5u * 60u * 1000u) /* first refusal; each further one is twice as long */
#define BLAME_LONGEST_MS BLAME_MEMORY_MS

struct blamed {
	uint64_t key;
	/* 0: the entry is free. */
	uint64_t struck_ns;
	uint64_t until_ns;
	uint32_t strikes;
};

/* Zero-initialise. */
struct blame {
	struct blamed entries[BLAME_MAX];
};

/* The backend was lost over the object key. strikes: weight of that; BLAME_STRIKES: certain. Without room
 * the object struck longest ago is forgotten. */
void blame_strike(struct blame *blame, uint64_t key, uint32_t strikes, uint64_t now_ns);

bool blame_refuses(const struct blame *blame, uint64_t key, uint64_t now_ns);

#endif
