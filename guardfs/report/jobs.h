/* jobs.h (report): jobs for all reports. Private to report/ and keeper. */
#ifndef GUARDFS_REPORT_JOBS_H
#define GUARDFS_REPORT_JOBS_H

#include "report/snapshot.h"
#include <jansson.h>

struct report_tier {
	/* The backend's name, or "local". */
	const char *name;
	struct report_condition now;
	/* The open incident; 0: none. */
	uint64_t incident;
};

void report_tier_of(const struct report_snapshot *s, const struct job_view *job, struct report_tier *tier);

/* Calls visit until it returns false: jobs with writers first, each by last activity. False: out of
 * memory. */
bool report_jobs_visit(const struct job_table *table, bool (*visit)(void *arg, const struct job_view *job),
		       void *arg);

/* At most max jobs for status.json; NULL: out of memory. */
json_t *report_jobs_json(const struct report_snapshot *s, const struct arena *arena, uint32_t max);

#endif
