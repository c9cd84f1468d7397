/* Measures backends' rates of reading, and by them how much the kernel may read ahead (policy/readahead.h).
 * Private memory: a successor measures anew. */
#ifndef GUARDFS_FS_AHEAD_H
#define GUARDFS_FS_AHEAD_H

#include "fs/context.h"

/* Before a READ of size bytes. True: it is measured, and ahead_ends follows. Any thread. */
bool ahead_begins(const struct backend *b, size_t size);

/* n: bytes, or -errno. */
void ahead_ends(const struct backend *b, ssize_t n);

/* Notes on the board what guardian is to set. Every heartbeat, control thread. */
void ahead_tick(void);

#endif
