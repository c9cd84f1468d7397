/* ahead.h: measures at which rate backends give what is read, and by it how much the kernel may read ahead
 * (policy/readahead.h). Private memory: a successor measures anew. */
#ifndef GUARDFS_FS_AHEAD_H
#define GUARDFS_FS_AHEAD_H

#include "fs/context.h"

/* A READ of size bytes is about to be asked for. True: it is measured, and ahead_ends follows. Any thread. */
bool ahead_begins(const struct backend *b, size_t size);

/* It gave n bytes, or an error. */
void ahead_ends(const struct backend *b, ssize_t n);

/* Notes on the board what guardian is to set. Every heartbeat, control thread. */
void ahead_tick(void);

#endif
