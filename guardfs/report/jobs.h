/* jobs.h (report): the table of jobs, for all reports. Private to report/ and keeper. */
#ifndef GUARDFS_REPORT_JOBS_H
#define GUARDFS_REPORT_JOBS_H

#include "report/snapshot.h"
#include <jansson.h>

/* The present condition of a job's tier. */
struct report_tier {
	const char *name; /* of the backend, or "local" */
	struct report_condition now;
	uint64_t incident; /* the open one, 0: none */
};

void report_tier_of(const struct report_snapshot *s, const struct job_view *job, struct report_tier *tier);

/* Calls visit for every job: those with files open for writing first, and among them, and among the others,
 * the one active last; stops when that returns false. False: memory is short. */
bool report_jobs_visit(const struct job_table *table, bool (*visit)(void *arg, const struct job_view *job),
		       void *arg);

/* At most max jobs, as in status.json; NULL: memory is short. */
json_t *report_jobs_json(const struct report_snapshot *s, const struct job_table *table, uint32_t max);

#endif
