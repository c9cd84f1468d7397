/* node_exporter's figures, if configured. Their disk, chosen by the operator, may hang: children write
 * them. */
#ifndef GUARDFS_KEEPER_TEXTFILE_H
#define GUARDFS_KEEPER_TEXTFILE_H

#include "base/base.h"
#include <sys/types.h>

struct keeper;

struct textfile {
	/* 0: none. */
	pid_t pid;
	uint64_t began_ns;
	/* A former keeper's leftovers were removed. */
	bool cleared;
	/* To be written again. */
	bool again;
	/* The errno last logged, 0: none. */
	int told;
};

/* Now or after the child under way. */
void textfile_write(struct keeper *k);

void textfile_reaped(struct keeper *k, pid_t pid, int status);

/* At the end the last figures stay: an alert on a missing figure cannot fire. Waits a second at most; else their
 * age tells. */
void textfile_end(struct keeper *k);

#endif
