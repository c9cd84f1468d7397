/* histogram.h: latencies in buckets whose width grows with the value (eight to each doubling, so within 12.5
 * %), as HdrHistogram has them. Lies in shared memory: adding is one relaxed increment, reading takes a copy
 * that may be torn between buckets, which no percentile minds. Pure. */
#ifndef GUARDFS_POLICY_HISTOGRAM_H
#define GUARDFS_POLICY_HISTOGRAM_H

#include "base/base.h"
#include <stdatomic.h>

#define HISTOGRAM_FIRST_BITS 14 /* everything below 16 us is one bucket */
#define HISTOGRAM_OCTAVES    24 /* up to 2^38 ns: 275 s */
#define HISTOGRAM_BUCKETS    (1 + 8 * HISTOGRAM_OCTAVES + 1)

struct histogram {
	_Atomic uint32_t count[HISTOGRAM_BUCKETS]; /* wraps around; only differences are used */
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

/* newer minus older, in place of older. Returns the number of values. */
uint64_t histogram_difference(const struct histogram_copy *newer, struct histogram_copy *older);

/* Upper bound of the bucket in which the given share (0..1000 thousandths) of the values lies, in ns; 0 if
 * there are none. */
uint64_t histogram_percentile(const struct histogram_copy *h, unsigned thousandths);

#endif
