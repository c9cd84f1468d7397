/* Writes to a file's end (O_APPEND; docs/INTERNALS.md, "Appends"). Any thread. */
#ifndef GUARDFS_FS_APPEND_H
#define GUARDFS_FS_APPEND_H

#include "fs/context.h"

/* Appends n bytes to h's file within guard_enter/leave, for this thread's WRITE. A second run makes only the
 * rest. Returns the bytes of all runs, or -errno; GUARD_POISONED (local tier: the configured errno) if nobody
 * can tell. */
ssize_t append_write(struct backend *b, struct handle *h, const void *data, size_t n, bool kill_priv);

/* Does storage find the end by itself, for O_APPEND? */
bool append_finds_end(const struct backend *b);

#endif
