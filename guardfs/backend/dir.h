/* Parts of the guarded directory backends (dir, sshfs). Private to backend/. Functions named as in backend.h do the
 * same. */
#ifndef GUARDFS_BACKEND_DIR_H
#define GUARDFS_BACKEND_DIR_H

#include "backend/posix.h"

/* backend.state. */
struct dir {
	struct posix posix;
	/* Epoch << 32 | posix_mount_of its root. dir_walk.c, any thread. */
	_Atomic uint64_t root_mount;
};

/* dir_walk.c: reach of struct posix, by names from the nearest ancestor with a cached descriptor. Only directories
 * are cached: another client may replace anything else. -ENOTCONN: no root of the breaker's epoch; BACKEND_NODE_GONE:
 * no such name, or another type there (-ENOENT: a directory without name; -ESTALE: the root). */
errint_t dir_reach(struct backend *b, uint32_t node, struct reached *r);

/* The node's parent; name: NAME_LENGTH_MAX + 1 bytes. BACKEND_NODE_GONE: no name; -ESTALE: no parent. */
errint_t dir_reach_parent(struct backend *b, uint32_t node, struct reached *r, char *name);

/* dir_hidden.c: over sshfs, removes a directory of nothing but files removed while open. -ENOTEMPTY: there is
 * more. */
errint_t dir_rmdir_around_hidden(struct backend *b, uint32_t parent, const char *name);

/* dir_attr.c; describe: of struct posix. */
errint_t dir_describe(struct backend *b, int dirfd, const char *name, struct found *found);
errint_t dir_getattr(struct backend *b, uint32_t node, int ref, struct stat *st);
errint_t dir_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
		     struct stat *st);
errint_t dir_look(struct backend *b, uint32_t node, int ref, struct stat *st);

/* dir_names.c */
errint_t dir_find(struct backend *b, uint32_t parent, const char *name, struct found *found);
/* Makes the mount beneath forget a name whose file was not found. */
void dir_forget_name(struct backend *b, uint32_t node);

/* dir_times.c: completes want and *set to what sshfs can be told: both times or none. No effect on other
 * backends. -ERANGE: SFTP cannot carry the time (before 1970, from 2106 on). ref as in setattr. */
errint_t dir_complete_times(struct backend *b, uint32_t node, int ref, struct stat *want, unsigned *set);

/* dir_errno.c: find the error that rc should have been; -EIO if nothing explains it. They ask storage only if in
 * doubt, and only over sshfs. */

/* Any other operation on node. */
errint_t dir_mend(struct backend *b, uint32_t node, errint_t rc);
/* A removed open directory is empty. */
errint_t dir_mend_listing(struct backend *b, errint_t rc);
errint_t dir_mend_setattr(struct backend *b, uint32_t node, unsigned set, errint_t rc);
/* may_exist: an existing name is no error. */
errint_t dir_mend_make(struct backend *b, uint32_t parent, const char *name, bool may_exist, errint_t rc);
errint_t dir_mend_link(struct backend *b, uint32_t node, uint32_t parent, const char *name, errint_t rc);
errint_t dir_mend_unlink(struct backend *b, uint32_t parent, const char *name, errint_t rc);
errint_t dir_mend_rmdir(struct backend *b, uint32_t parent, const char *name, errint_t rc);
errint_t dir_mend_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			 const char *newname, unsigned flags, errint_t rc);

/* size: bytes to be stored. */
ssize_t dir_mend_io(struct backend *b, int ref, size_t size, ssize_t rc);

#endif
