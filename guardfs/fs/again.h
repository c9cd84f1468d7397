/* Did the first run of a change that runs again make it (docs/INTERNALS.md, "Running again")? Within the
 * guard, any thread. */
#ifndef GUARDFS_FS_AGAIN_H
#define GUARDFS_FS_AGAIN_H

#include "fs/make.h"

bool again_is_running(void);

/* Notes for the history that the first run had done it, as the functions below do. */
void again_note(const struct backend *b);

/* rc: of removing. 0: the first run did it. */
errint_t again_removed(const struct backend *b, errint_t rc);

/* rc: of making `what`. 0 with *found: what would have been made is there. Another name of a file is known
 * by type, size and mtime, where storage has no lasting inode numbers. An error of looking replaces rc. */
errint_t again_made(struct backend *b, uint32_t parent, const char *name, const struct make_args *what,
		    const struct caller *c, struct found *found, errint_t rc);

/* The same for a file made exclusively and opened as *ref. flags and mode as for ops->create. */
errint_t again_created(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		       const struct caller *c, struct found *found, int *ref, errint_t rc);

#endif
