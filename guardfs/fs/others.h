/* others.h: the other places at which a directory of a guarded tier is shown (fs/view.h).
 *
 * What is changed through one of them the kernel learns for that one alone; of the others it would believe
 * for up to a second what it knew: a log that was renamed by way of expose would be gone on with, through its
 * old name, by whoever opens it by way of the route. So the kernel is told. Worker; threads with a request,
 * outside of any backend, before the request is answered. */
#ifndef GUARDFS_FS_OTHERS_H
#define GUARDFS_FS_OTHERS_H

#include "fs/node.h"

/* The name in directory `shown`, through which it was changed, leads to nothing now, or to something else; to
 * be told at all other places. Returns when that has been done, or when the kernel has forgotten by itself.
 * Only if somebody else is changing names at one of those places just now, it returns before: the kernel
 * takes no message until that is answered, and that may be waiting for us. It is told as soon as it can be.
 *
 * gone: a directory that has left this one. The kernel, which has a directory at one place only, would
 * otherwise have to move it when it is looked up at its new one, and cannot (ESTALE) while anything else is
 * being renamed between directories. Nothing to do for the local tier. */
void others_expire(struct node *shown, const char *name, bool gone);

/* A directory was renamed into `shown` from a directory that another route shows: the kernel takes it for
 * that other route's still. It is told after the answer. */
void others_moved_in(struct node *shown, const char *name);

/* Mode, owner or times of the directory were set through `shown`. */
void others_drop_attributes(struct node *shown);

#endif
