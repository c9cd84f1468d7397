#include "policy/drain.h"

/* Shorter measurements show the round trip, not the rate. */
#define MEASURE_NS    (100 * NSEC_PER_MSEC)
#define MEASURE_BYTES (512u * 1024u)
/* Above any link; prevents overflow below. */
#define RATE_MAX (1ull << 40)

static void begin(struct drain *d, uint64_t now_ns, bool from_rest)
{
	d->since_ns = now_ns;
	d->confirmed = 0;
	d->from_rest = from_rest;
}

void drain_begin(struct drain *d, uint64_t now_ns)
{
	begin(d, now_ns, true);
}

/* took_ns is not 0. */
static uint64_t rate_over(const struct drain *d, uint64_t took_ns)
{
	double rate = (double)d->confirmed * (double)NSEC_PER_SEC / (double)took_ns;

	return rate < (double)RATE_MAX ? MAX((uint64_t)rate, (uint64_t)1) : RATE_MAX;
}

/* The rate falls only while enough is left: an idle link is not slower. */
static void learn(struct drain *d, uint64_t rate, uint64_t left)
{
	if (rate > d->rate)
		d->rate = rate;
	else if (left >= MEASURE_BYTES)
		d->rate = (d->rate + rate) / 2;
}

void drain_confirmed(struct drain *d, uint64_t n, uint64_t left, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - d->since_ns;

	if (!d->since_ns || now_ns <= d->since_ns)
		return;
	d->confirmed += MIN(n, RATE_MAX);
	if (d->confirmed < MEASURE_BYTES)
		return;
	if (took_ns >= MEASURE_NS) {
		learn(d, rate_over(d, took_ns), left);
		begin(d, now_ns, false);
	} else if (d->from_rest) {
		/* All went within that time. */
		d->rate = MAX(d->rate, rate_over(d, took_ns));
	}
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
