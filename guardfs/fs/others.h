/* others.h: other places that show a guarded directory (fs/view.h).
 *
 * A change through one place reaches the kernel's cache only there. For up to a second it would believe
 * the others' old state: a log renamed through expose would be written on under its old name through the
 * route. So the kernel is told. Worker; threads with an unanswered request, outside of any backend. */
#ifndef GUARDFS_FS_OTHERS_H
#define GUARDFS_FS_OTHERS_H

#include "fs/node.h"

/* name in `shown` was changed: tells the kernel at all other places. Returns when done, or when the kernel
 * has forgotten by itself; earlier only if another caller is changing names there, before whose answer the
 * kernel takes no message, and who may be waiting for us. The message follows.
 *
 * gone: a directory has left `shown`. The kernel has a directory at one place only: at the next lookup it
 * would move it, and cannot (ESTALE) during any rename between directories. Nothing for the local tier. */
void others_expire(struct node *shown, const char *name, bool gone);

/* A directory was renamed into `shown` from another route's, to which the kernel still assigns it. Tells
 * the kernel after the answer. */
void others_moved_in(struct node *shown, const char *name);

/* The kernel's pages and size of a file are not storage's: it asks again. Waits for nobody: a page being
 * read or written is locked. */
void others_drop_pages(const struct node *file);

/* Mode, owner or times were set through `shown`. */
void others_drop_attributes(struct node *shown);

#endif
