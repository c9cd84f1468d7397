/* again.h: a change that is run again. Its worker died, or its connection broke, while it was inside: nobody
 * knows whether the first run was carried out. The second run finds out by looking.
 *
 * The caller's kernel saw, under the directory's lock, that the name was there (to be removed) or free (to
 * be made), and holds the lock until the caller is answered. So a difference now was made by the first run,
 * or beside this mount. The first run cannot come later: the breaker closes only when the old transport is
 * killed and none of its tasks is left, and tasks of a dead worker are waited for (guard.c). A risk is left:
 * another client that makes the same thing under the same name in that moment, or removes it, is taken for
 * the first run. Worker; within the guard, any thread. */
#ifndef GUARDFS_FS_AGAIN_H
#define GUARDFS_FS_AGAIN_H

#include "fs/make.h"

/* Is the request of this thread being run again? */
bool again_is_running(void);

/* rc: the result of removing a name. 0 if it says that the first run removed it. */
errint_t again_removed(errint_t rc);

/* rc: the result of making `what` under name. 0 with *found filled in if the object that would have been
 * made is there: an empty directory or file, the same special file or symbolic link, another name of the
 * same file (same type, size and mtime, where storage has no lasting inode numbers). An error met in looking
 * replaces rc. */
errint_t again_made(struct backend *b, uint32_t parent, const char *name, const struct make_args *what,
		    const struct caller *c, struct found *found, errint_t rc);

/* The same for a file made exclusively and opened: *ref is then the caller's. flags and mode as for
 * ops->create. */
errint_t again_created(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		       const struct caller *c, struct found *found, int *ref, errint_t rc);

#endif
