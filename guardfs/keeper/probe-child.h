/* probe-child.h: the probe's work, in the child. */
#ifndef GUARDFS_KEEPER_PROBE_CHILD_H
#define GUARDFS_KEEPER_PROBE_CHILD_H

#include "keeper/probe.h"

struct probe_run {
	const struct probe_job *job;
	const struct config *config;
	const struct config_backend *backend;
	int sock;
	/* O_PATH. */
	int root;
	struct probe_root found;
	/* errclass NONE: none. */
	struct probe_report failure;
};

/* Does the job, reporting over sock. */
void probe_child(const struct probe_job *job, int sock);

/* ---- probe-report.c ---- */

/* Notes the first failure and returns false. class NONE: by the table of errors; fallback if that says a real
 * error. */
bool probe_fail(struct probe_run *run, enum errclass class, int error, enum errclass fallback,
		const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Ends the child when keeper is gone. */
void probe_say(const struct probe_run *run, struct probe_report *report, int passed_fd);

void probe_say_alive(const struct probe_run *run);

/* ---- the parts of the job ---- */

/* identity.c: is run->root the storage meant? */
bool probe_prove_identity(struct probe_run *run);

/* patterns.c: directories that patterns route here. */
void probe_search_patterns(const struct probe_run *run);

#endif
