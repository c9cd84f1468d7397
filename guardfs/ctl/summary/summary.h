/* guardctl report: an incident, or a time with all that befell its backends. One thread. */
#ifndef GUARDFS_CTL_SUMMARY_SUMMARY_H
#define GUARDFS_CTL_SUMMARY_SUMMARY_H

#include "ctl/show.h"

/* ---- summary.c: pure ---- */

#define SUMMARY_WORST 5

struct summary_outage {
	int64_t id;
	/* Borrowed from the answer. */
	const char *backend, *class;
	/* Seconds since the epoch; until: when it served again, or the end of the time for one that goes on. */
	double began, until;
	bool of_routes, drill, open;
	uint64_t callers, failed;
};

struct summary_backend {
	const char *name;
	/* Of its own outages, without overlap, drills or what lies outside of the time. */
	double down;
	unsigned incidents, of_routes, drills;
};

/* Of n values; 0 if there are none. */
struct summary_spread {
	size_t n;
	double median, worst;
};

struct summary {
	/* What was asked for, cut to what is recorded. from < to, or both 0: nothing is recorded. */
	double from, to;
	/* Records begin later than asked for. */
	bool shortened;
	struct summary_backend *backends;
	size_t n_backends;
	/* Newest first, as in the answer. */
	struct summary_outage *outages;
	size_t n_outages;
	/* Of incidents of whole backends: seconds from beginning to detection, and until it served again. */
	struct summary_spread detected, recovered;
	/* The longest first. */
	const struct summary_outage *worst[SUMMARY_WORST];
	size_t n_worst;
};

/* result: `incidents`' answers, all of them as one; status: of guardfs, for its backends (may be NULL); both outlive the
 * summary. In either case summary_release. 0 or -ENOMEM. */
errint_t summary_make(const json_t *result, const json_t *status, double since, double now,
		      struct summary *summary) WARN_UNUSED;
void summary_release(struct summary *summary);

/* Thousandths of a per cent, rounded down: less than 100 % is never shown as that. */
unsigned summary_availability(const struct summary *summary, const struct summary_backend *backend);

/* ---- text.c ---- */

void summary_print(FILE *out, const struct summary *summary, const char *name);

/* ---- page.c ---- */

/* link: of an incident's page, to be freed; NULL: there is none. */
typedef char *(*summary_link)(const void *context, int64_t id);
void summary_page(FILE *out, const struct summary *summary, const char *name, double now, summary_link link,
		  const void *context);

#endif
