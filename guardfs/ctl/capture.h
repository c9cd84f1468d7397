/* A program's output, within a time limit. */
#ifndef GUARDFS_CTL_CAPTURE_H
#define GUARDFS_CTL_CAPTURE_H

#include "base/base.h"

enum capture_streams {
	CAPTURE_OUTPUT,		   /* standard output */
	CAPTURE_OUTPUT_AND_ERRORS, /* in the order of writing */
};

/* Runs argv (argv[0] by PATH) in the C locale, with empty input. buf: terminated output, cut at size - 1
 * bytes. Returns the exit status; -1: not run, killed by a signal, or not done within ms: killed, or left if
 * that is impossible (a dead mount). */
int capture_run(const char *const *argv, enum capture_streams streams, unsigned ms, char *buf, size_t size);

#endif
