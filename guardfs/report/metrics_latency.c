/* Callers' waits. */
#include "report/metrics.h"
#include "policy/histogram.h"

#include <stdio.h>

/* A bucket to each doubling, from 2^17 ns (131 us) to 2^36 ns (69 s), at bounds of fine buckets: counts are
 * exact. */
#define FIRST_BITS 17u
#define LAST_BITS  36u

static uint64_t lower_bound(unsigned bucket)
{
	unsigned n = bucket - 1;

	return bucket ? (1ull << (HISTOGRAM_FIRST_BITS + n / 8)) / 8 * (8 + n % 8) : 0;
}

/* No sums are kept: estimated from buckets' middles, within 6 per cent. A damaged arena's counts may be
 * anything, hence floating point. */
static uint64_t estimate_sum_ns(const struct histogram_copy *h)
{
	double ns = 0;

	for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++)
		ns += h->count[i] * (double)((lower_bound(i) + lower_bound(i + 1)) / 2);
	ns += h->count[HISTOGRAM_BUCKETS - 1] * (double)lower_bound(HISTOGRAM_BUCKETS - 1);
	return (uint64_t)MIN(ns, 9e18);
}

static void put_bucket(struct metrics *m, const struct metric_label *labels, const char *le, uint64_t n)
{
	metrics_put_part(m, "_bucket", LABELS(labels[0], labels[1], {"le", le, 0}), metric_number(n));
}

static void put_histogram(struct metrics *m, const struct metric_label *labels,
			  const struct histogram *shared)
{
	struct histogram_copy h;
	unsigned bits = FIRST_BITS;
	uint64_t n = 0;
	char le[32];

	histogram_copy(shared, &h);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (bits <= LAST_BITS && i == histogram_bucket(1ull << bits)) {
			snprintf(le, sizeof(le), "%llu.%09llu", (1ull << bits) / NSEC_PER_SEC,
				 (1ull << bits) % NSEC_PER_SEC);
			put_bucket(m, labels, le, n);
			bits++;
		}
		n += h.count[i];
	}
	put_bucket(m, labels, "+Inf", n);
	metrics_put_part(m, "_sum", labels, metric_ns(estimate_sum_ns(&h)));
	metrics_put_part(m, "_count", labels, metric_number(n));
}

void metrics_latency(struct metrics *m)
{
	metrics_family(m, "guardfs_backend_latency_seconds", "histogram",
		       "How long callers waited for the backend, by class of operation.");
	for (uint32_t i = 0; i < m->s->n_backends; i++)
		for (unsigned c = 0; metrics_backend_is_shown(m, i) && c < OP_CLASS_COUNT; c++)
			put_histogram(m,
				      LABELS({"backend", m->s->backends[i].config->name, CONFIG_NAME_MAX},
					     {"operation", op_class_name((enum op_class)c), 0}),
				      &m->s->backends[i].board->latency[c]);
}
