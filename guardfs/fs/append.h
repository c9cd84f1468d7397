/* append.h: writes to the end of a file (O_APPEND): the end at the time of writing, whatever the caller's
 * kernel believes. Worker; any thread. */
#ifndef GUARDFS_FS_APPEND_H
#define GUARDFS_FS_APPEND_H

#include "fs/context.h"

/* Carries out this thread's WRITE, within guard_enter/leave: appends n bytes to the file open as h; offset
 * is the end as the caller's kernel believes. A second run (its worker died, its connection broke, a probe
 * was waited for) first looks which bytes were made, and makes the rest. Returns the bytes appended in all
 * runs, or -errno; GUARD_POISONED (local tier: the configured errno) if nobody can tell. */
ssize_t append_write(struct backend *b, struct handle *h, const void *data, size_t n, off_t offset,
		     bool kill_priv);

/* Does storage go to the end by itself, through a descriptor opened with O_APPEND? */
bool append_finds_end(const struct backend *b);

#endif
