/* How finely a backend's course is recorded: the finer, the nearer a change (docs/RECOVERY.md, "Samples"). */
#ifndef GUARDFS_POLICY_GRAIN_H
#define GUARDFS_POLICY_GRAIN_H

#include "base/base.h"

#define GRAIN_QUIET_MS	1000u
#define GRAIN_FINEST_MS 250u
#define GRAIN_COARSE_MS 10000u
#define GRAIN_AFTER_MS	30000u /* what follows trouble belongs to it for so long */
#define GRAIN_FINE_MAX	2000u  /* finer than GRAIN_COARSE_MS; then one more in each GRAIN_COARSE_MS */

struct grain {
	/* The last change between serving and not, or the first trouble; 0: no trouble. */
	uint64_t changed_ns;
	uint64_t trouble_ns;
	bool serves;
	uint32_t fine_left;
	uint64_t refilled_ns;
};

void grain_init(struct grain *g, bool serves, uint64_t now_ns);

/* Takes a bucket that ends now, in which there was trouble or none, and what is the case after it. True: to be
 * written by itself; false: part of a quiet minute. */
bool grain_take(struct grain *g, bool trouble, bool serves, uint64_t now_ns);

/* For the bucket that begins now, in ms. */
uint32_t grain_length_ms(const struct grain *g, uint64_t now_ns);

#endif
