/* One user's part of a common pool (docs/INTERNALS.md, "Shares"). */
#ifndef GUARDFS_POLICY_SHARE_H
#define GUARDFS_POLICY_SHARE_H

#include "base/base.h"

struct share_pool {
	uint64_t capacity;
	/* Root's alone. */
	uint64_t reserve;
	/* Of what is free and the user's together; 1..100. */
	uint32_t percent;
};

/* May a user with `mine` of `used` have n more? */
static inline bool share_allows(const struct share_pool *pool, uint64_t used, uint64_t mine, uint64_t n,
				bool root)
{
	uint64_t limit = root ? pool->capacity : pool->capacity - MIN(pool->reserve, pool->capacity);

	if (n > limit || used > limit - n)
		return false;
	if (root || pool->percent >= 100)
		return true;
	/* mine + n <= percent of (mine + free), free without n */
	return (mine + n) * 100 <= (limit - used + mine) * pool->percent;
}

/* For places taken for a while: a user without any gets any free one. */
static inline bool share_admits(const struct share_pool *pool, uint64_t used, uint64_t mine, bool root)
{
	return share_allows(pool, used, mine, 1, root) ||
	       (mine == 0 && used < pool->capacity - MIN(pool->reserve, pool->capacity));
}

#endif
