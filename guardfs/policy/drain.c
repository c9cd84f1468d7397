/* drain.c: see drain.h. */
#include "policy/drain.h"

/* A measurement is a mean over so long a time, and so many bytes, at least: less says how long a round trip
 * is, not how much fits through. */
#define MEASURE_NS    (100 * NSEC_PER_MSEC)
#define MEASURE_BYTES (512u * 1024u)
/* More than any link; keeps the products below from overflowing. */
#define RATE_MAX (1ull << 40)

void drain_begin(struct drain *d, uint64_t now_ns)
{
	d->since_ns = now_ns;
	d->confirmed = 0;
}

void drain_confirmed(struct drain *d, uint64_t n, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - d->since_ns, rate;

	if (!d->since_ns || now_ns <= d->since_ns)
		return;
	d->confirmed += MIN(n, RATE_MAX);
	if (took_ns < MEASURE_NS || d->confirmed < MEASURE_BYTES)
		return;
	rate = (uint64_t)((double)d->confirmed * (double)NSEC_PER_SEC / (double)took_ns);
	rate = MIN(MAX(rate, (uint64_t)1), RATE_MAX);
	d->rate = d->rate ? (d->rate + rate) / 2 : rate;
	drain_begin(d, now_ns);
}

void drain_end(struct drain *d)
{
	d->since_ns = 0;
	d->confirmed = 0;
}

uint64_t drain_limit(const struct drain *d, uint64_t within_ms, uint64_t least, uint64_t most)
{
	uint64_t limit = d->rate / MSEC_PER_SEC * within_ms;

	return MIN(MAX(limit, least), most);
}
