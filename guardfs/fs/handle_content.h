/* handle_content.h: is what was written to an open file, and not synced, still in it after a reconnect? For
 * handle_reopen.c. */
#ifndef GUARDFS_FS_HANDLE_CONTENT_H
#define GUARDFS_FS_HANDLE_CONTENT_H

#include "fs/context.h"

/* Is it asked for, of this open file, and is the checksum of all bytes known that were not synced? Then it does not
 * matter whether they were written over something. */
bool handle_knows_content(const struct backend *b, struct handle *h);

/* Reads it back, within the guard, over the connection of epoch: 0; -EBADMSG: *differs has the first run that is not what
 * was written, and those behind it; GUARD_POISONED: the request was answered meanwhile, and the next one goes on there; or storage's -errno. May
 * hang. One thread for an open file, through which nothing is written meanwhile. */
errint_t handle_compare(struct backend *b, struct handle *h, uint32_t epoch,
			struct ledger *differs) WARN_UNUSED;

#endif
