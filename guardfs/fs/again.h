/* again.h: a change that is run again. Its worker died, or its connection broke, while it was inside: whether
 * its first run has been carried out, nobody knows. The second run finds out by looking.
 *
 * The kernel of the caller had seen, under the lock of the directory, that a name was there (to be taken
 * away) or free (to be made), and holds that lock until the caller is answered. So what is changed there
 * meanwhile was changed by the first run, or beside this mount. The first run itself cannot come later: the
 * breaker closes only when the old transport is killed and no task of it is left, and a task of a dead worker
 * is waited for (guard.c). What is left is another client who, in that very moment, makes the same thing
 * under the same name, or takes it away: it is then taken for ours. Worker; within the guard, in any thread.
 */
#ifndef GUARDFS_FS_AGAIN_H
#define GUARDFS_FS_AGAIN_H

#include "fs/make.h"

/* Is the request of this thread being run again? */
bool again_is_running(void);

/* rc, what taking a name away has come to; 0 if it says that the first run had done it. */
errint_t again_removed(errint_t rc);

/* rc, what making `what` under name has come to; 0 with *found filled in if it says that something is there,
 * and that is what would have been made: an empty directory, an empty file, the same special file or symbolic
 * link, another name of the same file (of one with the same type, size and mtime where storage has no inode
 * numbers that last). A trouble met in looking comes back instead of rc. */
errint_t again_made(struct backend *b, uint32_t parent, const char *name, const struct make_args *what,
		    const struct caller *c, struct found *found, errint_t rc);

/* The same of a file made exclusively, and opened: *ref is then the caller's. flags and mode as for
 * ops->create. */
errint_t again_created(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		       const struct caller *c, struct found *found, int *ref, errint_t rc);

#endif
