/* Objects over which a backend was lost. Zero-initialise. The caller locks. Times: CLOCK_MONOTONIC, never
 * 0. */
#ifndef GUARDFS_POLICY_BLAME_H
#define GUARDFS_POLICY_BLAME_H

#include "base/base.h"

#define BLAME_MAX	 64
#define BLAME_STRIKES	 3 /* then the object is refused */
#define BLAME_MEMORY_MS	 (3600u * 1000u)
#define BLAME_FIRST_MS	 (5u * 60u * 1000u) /* doubles with each further refusal */
#define BLAME_LONGEST_MS BLAME_MEMORY_MS

struct blamed {
	uint64_t key;
	/* 0: free. */
	uint64_t struck_ns;
	uint64_t until_ns;
	uint32_t strikes;
};

struct blame {
	struct blamed entries[BLAME_MAX];
};

/* strikes: weight; BLAME_STRIKES: certain. A full table forgets the object struck longest ago. */
void blame_strike(struct blame *blame, uint64_t key, uint32_t strikes, uint64_t now_ns);

bool blame_refuses(const struct blame *blame, uint64_t key, uint64_t now_ns);

#endif
