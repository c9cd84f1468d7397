/* Tells the kernel of changes at other places that show a guarded directory (docs/INTERNALS.md, "Views").
 * Threads with an unanswered request, outside of any backend. */
#ifndef GUARDFS_FS_OTHERS_H
#define GUARDFS_FS_OTHERS_H

#include "fs/node.h"

/* name in `shown` was changed: tells the kernel at all other places. Returns when done, or when the kernel
 * has forgotten by itself; earlier if another caller, perhaps waiting for us, is changing names there: the
 * message then follows.
 *
 * gone: a directory has left `shown`. The kernel would move it at the next lookup, and fails (ESTALE)
 * during any rename between directories. */
void others_expire(struct node *shown, const char *name, bool gone);

/* A directory came to `shown` from another route's, where the kernel still has it: tells the kernel after
 * the answer. */
void others_moved_in(struct node *shown, const char *name);

/* name in dir, a directory of the backend's tree, is to be asked for again at each place before it is used. Waits for
 * nobody: this may be a request at that very place. */
void others_expire_everywhere(struct node *dir, const char *name);

/* Has the kernel drop a file's pages and size, which are not storage's. Waits for nobody: a page being
 * read or written is locked. */
void others_drop_pages(const struct node *file);

/* Mode, owner or times were set through `shown`. */
void others_drop_attributes(struct node *shown);

#endif
