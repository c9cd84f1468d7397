/* textfile.h: the figures for node_exporter, where the configuration wants them. Their file lies on a disk
 * of the operator's choice, unlike what lies in the runtime directory: it is written by children,
 * so that a disk that hangs does not keep keeper from recovering backends. Keeper only. */
#ifndef GUARDFS_KEEPER_TEXTFILE_H
#define GUARDFS_KEEPER_TEXTFILE_H

#include "base/base.h"
#include <sys/types.h>

struct keeper;

struct textfile {
	pid_t pid;	   /* of the child that writes; 0: none */
	uint64_t began_ns; /* when it began */
	bool cleared;	   /* what a former keeper's child had left there was removed */
	bool again;	   /* there was more to be written meanwhile */
	int told;	   /* the errno told last, 0: none; what goes wrong is told when it begins */
};

/* Writes the figures of this moment, or later if the last ones are still being written. */
void textfile_write(struct keeper *k);

/* A child has ended; it may have been ours. */
void textfile_reaped(struct keeper *k, pid_t pid, int status);

/* At the end (board.ended): the last figures stay, for an alert on a figure that is not there any more cannot
 * fire. Waits a second at most; if that does not do, those of before stay, and their age tells. */
void textfile_end(struct keeper *k);

#endif
