/* capture.h: what a program prints, within a time. */
#ifndef GUARDFS_CTL_CAPTURE_H
#define GUARDFS_CTL_CAPTURE_H

#include "base/base.h"

enum capture_streams {
	CAPTURE_OUTPUT,		   /* its standard output alone */
	CAPTURE_OUTPUT_AND_ERRORS, /* both, in the order of writing */
};

/* Runs argv (NULL at its end, argv[0] is looked for in PATH) in the C locale, with an empty standard input.
 * buf receives what it printed, cut off at size - 1 bytes and ended by '\0'. Returns its exit status, or -1:
 * it could not be run, died of a signal, or was not done within ms milliseconds; then it is killed, and left
 * behind where it cannot be (it hangs in a dead mount). guardctl. */
int capture_run(const char *const *argv, enum capture_streams streams, unsigned ms, char *buf, size_t size);

#endif
