/* textfile.h: node_exporter's figures, if configured. The operator chooses their disk, so children write
 * them: a disk that hangs does not keep keeper from recovering backends. Keeper only. */
#ifndef GUARDFS_KEEPER_TEXTFILE_H
#define GUARDFS_KEEPER_TEXTFILE_H

#include "base/base.h"
#include <sys/types.h>

struct keeper;

struct textfile {
	/* Of the child that writes; 0: none. */
	pid_t pid;
	/* When it began. */
	uint64_t began_ns;
	/* A former keeper's leftovers were removed. */
	bool cleared;
	/* More came to be written meanwhile. */
	bool again;
	/* The errno logged last, 0: none: an error is logged when it begins. */
	int told;
};

/* Writes the present figures, or later if the last ones are still being written. */
void textfile_write(struct keeper *k);

/* A child has ended, this one or another. */
void textfile_reaped(struct keeper *k, pid_t pid, int status);

/* At the end (board.ended). The last figures stay: an alert on a missing figure cannot fire. Waits a
 * second at most; then the former ones stay, and their age tells. */
void textfile_end(struct keeper *k);

#endif
