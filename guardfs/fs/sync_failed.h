/* Syncs that storage answered with an error. No server says twice that a sync failed: the open file keeps
 * what was said. Guarded files open for writing. Any thread. */
#ifndef GUARDFS_FS_SYNC_FAILED_H
#define GUARDFS_FS_SYNC_FAILED_H

#include "fs/context.h"

/* Within the visit: storage's answer to a sync of h, 0 or -errno. Returns what the sync comes to: an EIO
 * not explained by a probe yet stands for every other sync of h, too. */
errint_t sync_failed_judge(struct handle *h, errint_t rc) WARN_UNUSED;

/* Is there such an EIO? */
bool sync_failed_is_doubted(const struct handle *h);

/* Ends it, if it is there: over another connection it is void; over the same one, with the verdict, the
 * file is lost. Before h is used. */
void sync_failed_settle(struct backend *b, struct handle *h);

/* Before an open file is released, with its node held: nobody waits for the verdict. */
void sync_failed_at_close(struct backend *b, struct handle *h);

/* Does this result of a sync say that storage lost something? */
bool sync_failed_is(ssize_t rc);

/* It does: what h's file has not synced is lost; those who have it open for writing are told error
 * (positive errno) from now on. The caller holds the node. */
void sync_failed(struct backend *b, struct handle *h, int error);

#endif
