/* Is what was written and not synced still in an open file after a reconnect? For handle_reopen.c. */
#ifndef GUARDFS_FS_HANDLE_CONTENT_H
#define GUARDFS_FS_HANDLE_CONTENT_H

#include "fs/context.h"

/* Is that asked for, of this open file, and are the checksums of all unsynced bytes known? Then it does
 * not matter whether they overwrote something. */
bool handle_knows_content(const struct backend *b, struct handle *h);

/* Reads it back, within the guard, over epoch's connection: 0; -EBADMSG: *differs has the first run that
 * differs, and those behind it; GUARD_POISONED: answered meanwhile, and the next request goes on there; or
 * storage's -errno. May hang. One thread for an open file, through which nothing is written meanwhile. */
errint_t handle_compare(struct backend *b, struct handle *h, uint32_t epoch,
			struct ledger *differs) WARN_UNUSED;

#endif
