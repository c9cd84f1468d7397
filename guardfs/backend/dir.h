/* dir.h: guarded directory backends (dir, sshfs): the parts of their implementation. Private to backend/. */
#ifndef GUARDFS_BACKEND_DIR_H
#define GUARDFS_BACKEND_DIR_H

#include "backend/posix.h"

/* backend.state. */
struct dir {
	struct posix posix;
	/* Epoch << 32 | posix_mount_of the root of that epoch; dir_walk.c, any thread. */
	_Atomic uint64_t root_mount;
};

/* dir_walk.c: hook reach of struct posix. By names, from the nearest ancestor with a cached descriptor of the
 * present epoch, else from the backend's root. Only directories are cached:
 * whatever else stands under a name is looked at anew each time, as another client may have replaced it.
 * -ENOTCONN without a root of the breaker's epoch; BACKEND_NODE_GONE if the node has lost its name (-ENOENT
 * if it is a directory) or something of another type has taken its place (-ESTALE for the backend's root). */
errint_t dir_reach(struct backend *b, uint32_t node, struct reached *r);

/* The parent of a node, reached, and the node's name in it (NAME_LENGTH_MAX + 1 bytes).
 * BACKEND_NODE_GONE for nodes without a name, -ESTALE for those without a parent (the backend's root too). */
errint_t dir_reach_parent(struct backend *b, uint32_t node, struct reached *r, char *name);

/* What a node is that has lost its name, or is below one that has: the error of dir_reach. */
errint_t dir_nameless(const struct node *node);

/* posix_check_type with the error of dir_reach. */
errint_t dir_check_type(const struct node *node, mode_t mode);

/* dir_hidden.c: removes a directory in which there is nothing but files that were removed while they were
 * open: they are moved into the one above. Over sshfs only. 0 or -errno; -ENOTEMPTY if there is more. */
errint_t dir_rmdir_around_hidden(struct backend *b, uint32_t parent, const char *name);

/* dir_attr.c: as in backend.h, and hook describe of struct posix. */
errint_t dir_describe(struct backend *b, int dirfd, const char *name, struct found *found);
errint_t dir_getattr(struct backend *b, uint32_t node, int ref, struct stat *st);
errint_t dir_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
		     struct stat *st);
errint_t dir_look(struct backend *b, uint32_t node, int ref, struct stat *st);

/* dir_names.c: as in backend.h. */
errint_t dir_find(struct backend *b, uint32_t parent, const char *name, struct found *found);
/* The node's file could not be opened, for there is none: the mount beneath is to forget the name. */
void dir_forget_name(struct backend *b, uint32_t node);

/* dir_times.c: makes what setattr is to set (of want and *set) into what sshfs can be told: both times or
 * none, and neither of them "now" by mistake. Other backends: nothing is done. 0; -ERANGE: a time that SFTP
 * cannot carry (before 1970, or from 2106 on); else as storage says. ref as in setattr. */
errint_t dir_complete_times(struct backend *b, uint32_t node, int ref, struct stat *want, unsigned *set);

/* dir_errno.c: sshfs gives EPERM for every failure that SFTP has no code for. These find out what it was:
 * given an operation's result, they return it or the error that it should have been; what nothing explains
 * is -EIO. Nothing is asked unless the result is in doubt and the backend is an sshfs. */

/* Of anything else than below, asked of node: there is nothing to be found out. */
errint_t dir_mend(struct backend *b, uint32_t node, errint_t rc);
/* Of reading an open directory: one that was removed meanwhile is empty. */
errint_t dir_mend_listing(struct backend *b, errint_t rc);
/* Of setting what set says. */
errint_t dir_mend_setattr(struct backend *b, uint32_t node, unsigned set, errint_t rc);
/* Of making name in parent; may_exist: that it exists already is no error. */
errint_t dir_mend_make(struct backend *b, uint32_t parent, const char *name, bool may_exist, errint_t rc);
errint_t dir_mend_link(struct backend *b, uint32_t node, uint32_t parent, const char *name, errint_t rc);
errint_t dir_mend_unlink(struct backend *b, uint32_t parent, const char *name, errint_t rc);
errint_t dir_mend_rmdir(struct backend *b, uint32_t parent, const char *name, errint_t rc);
errint_t dir_mend_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			 const char *newname, unsigned flags, errint_t rc);

/* Of reading, writing or syncing an open file; size: bytes that were to be stored. */
ssize_t dir_mend_io(struct backend *b, int ref, size_t size, ssize_t rc);

#endif
