/* share.h: how much of something that all users draw on one of them may have. Pure.
 *
 * A user may have as much as is left free for the others (at 50 per cent): alone he gets half of it, two get
 * a third each, and there is always some left for whoever comes next. What was given is not taken back, so
 * that this must hold from the beginning. Root draws on all of it, and has a reserve of its own. */
#ifndef GUARDFS_POLICY_SHARE_H
#define GUARDFS_POLICY_SHARE_H

#include "base/base.h"

struct share_pool {
	uint64_t capacity;
	uint64_t reserve; /* of it: root's alone */
	uint32_t percent; /* of what is free and his together that one user may have; 1..100 */
};

/* May somebody who has `mine` of the `used` that are taken have n more? */
static inline bool share_allows(const struct share_pool *pool, uint64_t used, uint64_t mine, uint64_t n,
				bool root)
{
	uint64_t limit = root ? pool->capacity : pool->capacity - MIN(pool->reserve, pool->capacity);

	if (n > limit || used > limit - n)
		return false;
	if (root || pool->percent >= 100)
		return true;
	/* mine + n <= percent of (mine + free), free without those n as well */
	return (mine + n) * 100 <= (limit - used + mine) * pool->percent;
}

/* The same of places that are taken for a while only, one at a time: who has none gets any that is free, so
 * that there is something for everybody however few there are. */
static inline bool share_admits(const struct share_pool *pool, uint64_t used, uint64_t mine, bool root)
{
	return share_allows(pool, used, mine, 1, root) ||
	       (mine == 0 && used < pool->capacity - MIN(pool->reserve, pool->capacity));
}

#endif
