/* again.h: a second run of a change. Its worker died, or its connection broke, while it was inside: the
 * second run finds out by looking whether the first was carried out.
 *
 * The caller's kernel saw, under the directory's lock, that the name was there (to be removed) or free (to
 * be made), and holds the lock until the answer. So a difference now was made by the first run, or outside
 * this mount. The first run cannot come later: the breaker closes only when the old transport is killed
 * and its tasks are gone, and a dead worker's tasks are waited for (guard.c,
 * worker/recover.h). One risk is left: another
 * client that makes or removes the same name at that moment is taken for the first run. Worker; within the
 * guard, any thread. */
#ifndef GUARDFS_FS_AGAIN_H
#define GUARDFS_FS_AGAIN_H

#include "fs/make.h"

/* Is this thread's request running again? */
bool again_is_running(void);

/* rc: of removing a name. 0: the first run removed it. */
errint_t again_removed(errint_t rc);

/* rc: of making `what` under name. 0 with *found: the object is there: an empty directory or file, the
 * same special file or symbolic link, another name of the file (same type, size and mtime, where storage
 * has no lasting inode numbers). An error of looking replaces rc. */
errint_t again_made(struct backend *b, uint32_t parent, const char *name, const struct make_args *what,
		    const struct caller *c, struct found *found, errint_t rc);

/* The same for a file made exclusively and opened; *ref is the caller's then. flags and mode as for
 * ops->create. */
errint_t again_created(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		       const struct caller *c, struct found *found, int *ref, errint_t rc);

#endif
