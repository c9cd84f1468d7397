/* capture.h: a program's output, within a time limit. */
#ifndef GUARDFS_CTL_CAPTURE_H
#define GUARDFS_CTL_CAPTURE_H

#include "base/base.h"

enum capture_streams {
	CAPTURE_OUTPUT,		   /* its standard output alone */
	CAPTURE_OUTPUT_AND_ERRORS, /* both, in the order of writing */
};

/* Runs argv (NULL at its end, argv[0] by PATH) in the C locale with empty standard input. buf: the output,
 * cut at size - 1 bytes, terminated. Returns the exit status; -1: not run, killed by a signal, or not done
 * within ms; then killed, or left if that is impossible (a dead mount). */
int capture_run(const char *const *argv, enum capture_streams streams, unsigned ms, char *buf, size_t size);

#endif
