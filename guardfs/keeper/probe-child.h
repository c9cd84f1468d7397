/* probe-child.h: what the disposable child does. Runs in the child only. */
#ifndef GUARDFS_KEEPER_PROBE_CHILD_H
#define GUARDFS_KEEPER_PROBE_CHILD_H

#include "keeper/probe.h"

/* The child's view of its job. */
struct probe_run {
	const struct probe_job *job;
	const struct config *config;
	const struct config_backend *backend;
	int sock;
	int root; /* O_PATH */
	struct probe_root found;
	struct probe_report failure; /* errclass NONE until something failed */
};

/* Does the job, reporting over sock. */
void probe_child(const struct probe_job *job, int sock);

/* ---- probe-report.c ---- */

/* Notes a failure, the first of this probe alone, and returns false. class NONE: from error, by the table of
 * errors; if that says a real error, fallback is taken. */
bool probe_fail(struct probe_run *run, enum errclass class, int error, enum errclass fallback,
		const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Sends one report; ends the child when keeper is gone. */
void probe_say(const struct probe_run *run, struct probe_report *report, int passed_fd);

/* Reports that storage has answered something. */
void probe_say_alive(const struct probe_run *run);

/* ---- the parts of the job ---- */

/* Is run->root what it must be? identity.c. */
bool probe_prove_identity(struct probe_run *run);

/* Searches directories that patterns route to this backend and reports them. patterns.c. */
void probe_search_patterns(const struct probe_run *run);

#endif
