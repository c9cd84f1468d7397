/* blame.h: which objects a backend was lost over, so that one caller's operation does not lose it again and
 * again. Pure: the caller has a lock, and brings the time (CLOCK_MONOTONIC, never 0). */
#ifndef GUARDFS_POLICY_BLAME_H
#define GUARDFS_POLICY_BLAME_H

#include "base/base.h"

#define BLAME_MAX	 64
#define BLAME_STRIKES	 3 /* of them an object is refused: a real outage may hit anything once or twice */
#define BLAME_MEMORY_MS	 (3600u * 1000u)    /* strikes older than this are forgotten */
#define BLAME_FIRST_MS	 (5u * 60u * 1000u) /* refused for so long, then twice as long, ... */
#define BLAME_LONGEST_MS BLAME_MEMORY_MS

struct blamed {
	uint64_t key;
	uint64_t struck_ns; /* 0: the entry is free */
	uint64_t until_ns;
	uint32_t strikes;
};

/* Zero-initialise. */
struct blame {
	struct blamed entries[BLAME_MAX];
};

/* The backend was lost over the object with this key. strikes: how much that proves; BLAME_STRIKES: it is
 * certain. Where there is no room, the object that was struck longest ago is forgotten. */
void blame_strike(struct blame *blame, uint64_t key, uint32_t strikes, uint64_t now_ns);

/* Is the object to be left alone for now? */
bool blame_refuses(const struct blame *blame, uint64_t key, uint64_t now_ns);

#endif
