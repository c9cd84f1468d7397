/* Prometheus's text format (version 0.0.4). Private to report/.
 *
 * Open a family, then put samples; without any it is left out. mount="NAME" keeps several guardfs's series apart;
 * only names that are not guardfs's lack it. */
#ifndef GUARDFS_REPORT_METRICS_H
#define GUARDFS_REPORT_METRICS_H

#include "report/snapshot.h"
#include <stdio.h>

struct metrics {
	FILE *out;
	const struct arena *arena;
	const struct report_snapshot *s;
	const char *name, *type, *help;
	/* HELP and TYPE are written. */
	bool headed;
	/* No mount=. */
	bool bare;
};

struct metric_label {
	/* NULL ends. */
	const char *name;
	/* Any bytes. */
	const char *value;
	/* Size of a value that may lack its terminator; else 0. */
	size_t max;
};

#define LABELS(...) ((const struct metric_label[]){__VA_ARGS__, {NULL, NULL, 0}})
#define NO_LABELS   ((const struct metric_label[]){{NULL, NULL, 0}})

/* ABSENT: no sample. */
struct metric_value {
	enum { METRIC_ABSENT, METRIC_NUMBER, METRIC_NANOSECONDS } kind;
	int64_t n;
};

static inline struct metric_value metric_number(uint64_t n)
{
	return (struct metric_value){METRIC_NUMBER, (int64_t)MIN(n, (uint64_t)INT64_MAX)};
}

/* Shown in seconds. */
static inline struct metric_value metric_ns(uint64_t ns)
{
	return (struct metric_value){METRIC_NANOSECONDS, (int64_t)MIN(ns, (uint64_t)INT64_MAX)};
}

/* CLOCK_REALTIME; 0: unknown. */
static inline struct metric_value metric_moment(uint64_t real_ns)
{
	return real_ns ? metric_ns(real_ns) : (struct metric_value){METRIC_ABSENT, 0};
}

static inline struct metric_value metric_absent(void)
{
	return (struct metric_value){METRIC_ABSENT, 0};
}

/* ---- metrics_family.c ---- */

/* Strings outlive the family; help has no backslash or newline. */
void metrics_family(struct metrics *m, const char *name, const char *type, const char *help);

void metrics_put(struct metrics *m, const struct metric_label *labels, struct metric_value value);

/* part: _bucket, _sum or _count. */
void metrics_put_part(struct metrics *m, const char *part, const struct metric_label *labels,
		      struct metric_value value);

/* Names are labels: of equal ones (damaged arena) the first is shown. */
bool metrics_backend_is_shown(const struct metrics *m, uint32_t index);

/* ---- the other files: families of a kind each ---- */

void metrics_backends(struct metrics *m);
void metrics_routes(struct metrics *m);
void metrics_space(struct metrics *m);
void metrics_latency(struct metrics *m);
void metrics_misplaced(struct metrics *m);
void metrics_suspects(struct metrics *m);
void metrics_healtharchive(struct metrics *m);

/* False: out of memory, nothing written. */
bool metrics_jobs(struct metrics *m) WARN_UNUSED;

#endif
