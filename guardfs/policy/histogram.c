#include "policy/histogram.h"

void histogram_copy(const struct histogram *h, struct histogram_copy *copy)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		copy->count[i] = atomic_load_explicit(&h->count[i], memory_order_relaxed);
}

uint64_t histogram_difference(const struct histogram_copy *newer, struct histogram_copy *older)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		older->count[i] = newer->count[i] - older->count[i];
		n += older->count[i];
	}
	return n;
}

void histogram_merge(struct histogram_copy *sum, const struct histogram_copy *more)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->count[i] += more->count[i];
}

uint64_t histogram_total(const struct histogram_copy *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		n += h->count[i];
	return n;
}

/* First value beyond bucket i. */
static uint64_t upper_bound(unsigned i)
{
	unsigned octave, part;

	if (i == 0)
		return 1ull << HISTOGRAM_FIRST_BITS;
	octave = (i - 1) / 8;
	part = (i - 1) % 8 + 1;
	return (1ull << (HISTOGRAM_FIRST_BITS + octave)) / 8 * (8 + part);
}

uint64_t histogram_percentile(const struct histogram_copy *h, unsigned thousandths)
{
	uint64_t n = histogram_total(h), wanted, seen = 0;

	if (n == 0)
		return 0;
	wanted = (n * MIN(thousandths, 1000u) + 999) / 1000;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->count[i];
		if (seen >= MAX(wanted, (uint64_t)1))
			return upper_bound(i);
	}
	return upper_bound(HISTOGRAM_BUCKETS - 1);
}
