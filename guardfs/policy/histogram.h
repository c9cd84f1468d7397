/* Latencies, eight buckets to each doubling (within 12.5 %), as HdrHistogram. Adding is one relaxed
 * increment; a copy may be torn between buckets. */
#ifndef GUARDFS_POLICY_HISTOGRAM_H
#define GUARDFS_POLICY_HISTOGRAM_H

#include "base/base.h"
#include <stdatomic.h>

#define HISTOGRAM_FIRST_BITS 14 /* one bucket below 16 us */
#define HISTOGRAM_OCTAVES    24 /* up to 2^38 ns: 275 s */
#define HISTOGRAM_BUCKETS    (1 + 8 * HISTOGRAM_OCTAVES + 1)

struct histogram {
	/* Wraps around: use differences. */
	_Atomic uint32_t count[HISTOGRAM_BUCKETS];
};

struct histogram_copy {
	uint32_t count[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t ns)
{
	unsigned bits = ns ? 63u - (unsigned)__builtin_clzll(ns) : 0;

	if (bits < HISTOGRAM_FIRST_BITS)
		return 0;
	if (bits >= HISTOGRAM_FIRST_BITS + HISTOGRAM_OCTAVES)
		return HISTOGRAM_BUCKETS - 1;
	return 1 + (bits - HISTOGRAM_FIRST_BITS) * 8 + (unsigned)((ns >> (bits - 3)) & 7);
}

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	atomic_fetch_add_explicit(&h->count[histogram_bucket(ns)], 1, memory_order_relaxed);
}

void histogram_copy(const struct histogram *h, struct histogram_copy *copy);

/* Stores newer minus older in older. Returns the number of values. */
uint64_t histogram_difference(const struct histogram_copy *newer, struct histogram_copy *older);

/* Adds more's values to sum's. */
void histogram_merge(struct histogram_copy *sum, const struct histogram_copy *more);

/* The number of values. */
uint64_t histogram_total(const struct histogram_copy *h);

/* Upper bound in ns of the bucket at this share; 0: empty. */
uint64_t histogram_percentile(const struct histogram_copy *h, unsigned thousandths);

#endif
