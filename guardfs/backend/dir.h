/* dir.h: guarded directory backends (dir, sshfs) in parts. Private to backend/. */
#ifndef GUARDFS_BACKEND_DIR_H
#define GUARDFS_BACKEND_DIR_H

#include "backend/posix.h"

/* backend.state. */
struct dir {
	struct posix posix;
	/* Epoch << 32 | posix_mount_of that epoch's root. dir_walk.c, any thread. */
	_Atomic uint64_t root_mount;
};

/* dir_walk.c: hook reach of struct posix. By names, from the nearest ancestor with a cached descriptor of
 * the epoch, else from the root. Only directories are cached: another client may replace anything else.
 * -ENOTCONN: no root of the breaker's epoch; BACKEND_NODE_GONE: the node has lost its name (-ENOENT for a
 * directory) or something of another type is there (-ESTALE for the backend's root). */
errint_t dir_reach(struct backend *b, uint32_t node, struct reached *r);

/* Reaches the node's parent; name: NAME_LENGTH_MAX + 1 bytes. BACKEND_NODE_GONE: no name; -ESTALE: no
 * parent (the root too). */
errint_t dir_reach_parent(struct backend *b, uint32_t node, struct reached *r, char *name);

/* The error of dir_reach for a node that lost its name, or is below one that did. */
errint_t dir_nameless(const struct node *node);

/* posix_check_type with the error of dir_reach. */
errint_t dir_check_type(const struct node *node, mode_t mode);

/* dir_hidden.c: removes a directory that holds only files removed while open; moves those files one level
 * up. Over sshfs only. 0 or -errno; -ENOTEMPTY: there is more. */
errint_t dir_rmdir_around_hidden(struct backend *b, uint32_t parent, const char *name);

/* dir_attr.c: as in backend.h; describe: hook of struct posix. */
errint_t dir_describe(struct backend *b, int dirfd, const char *name, struct found *found);
errint_t dir_getattr(struct backend *b, uint32_t node, int ref, struct stat *st);
errint_t dir_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
		     struct stat *st);
errint_t dir_look(struct backend *b, uint32_t node, int ref, struct stat *st);

/* dir_names.c: as in backend.h. */
errint_t dir_find(struct backend *b, uint32_t parent, const char *name, struct found *found);
/* Opening found no file: makes the mount beneath forget the name. */
void dir_forget_name(struct backend *b, uint32_t node);

/* dir_times.c: turns the times to be set (want, *set) into what sshfs can be told: both or none, and "now"
 * only where meant. Does nothing for other backends. 0; -ERANGE: SFTP cannot carry the time (before 1970,
 * from 2106 on); else as storage says. ref as in setattr. */
errint_t dir_complete_times(struct backend *b, uint32_t node, int ref, struct stat *want, unsigned *set);

/* dir_errno.c: sshfs says EPERM for every failure that SFTP has no code for. These find out which failure
 * it was: from an operation's result they return it or the error that it should have been; -EIO if nothing
 * explains it. They ask only if the result is in doubt and the backend an sshfs. */

/* Any other operation on node: there is nothing to find out. */
errint_t dir_mend(struct backend *b, uint32_t node, errint_t rc);
/* Reading an open directory: a removed one is empty. */
errint_t dir_mend_listing(struct backend *b, errint_t rc);
/* Setting the fields of set. */
errint_t dir_mend_setattr(struct backend *b, uint32_t node, unsigned set, errint_t rc);
/* Making name in parent. may_exist: that name exists already is no error. */
errint_t dir_mend_make(struct backend *b, uint32_t parent, const char *name, bool may_exist, errint_t rc);
errint_t dir_mend_link(struct backend *b, uint32_t node, uint32_t parent, const char *name, errint_t rc);
errint_t dir_mend_unlink(struct backend *b, uint32_t parent, const char *name, errint_t rc);
errint_t dir_mend_rmdir(struct backend *b, uint32_t parent, const char *name, errint_t rc);
errint_t dir_mend_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			 const char *newname, unsigned flags, errint_t rc);

/* Reading, writing or syncing an open file; size: bytes to be stored. */
ssize_t dir_mend_io(struct backend *b, int ref, size_t size, ssize_t rc);

#endif
