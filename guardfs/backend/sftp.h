/* The backend that speaks SFTP through a transport's ring, in parts. Private to backend/. docs/SFTP.md.
 *
 * Files go by path; open ones by ref, whatever becomes of their names. Nothing is cached beneath: every answer is the
 * server's of this moment. */
#ifndef GUARDFS_BACKEND_SFTP_H
#define GUARDFS_BACKEND_SFTP_H

#include "backend/guarded.h"
#include "backend/tree.h"
#include "sftp/client.h"
#include <pthread.h>

/* A ring that this worker has mapped. */
struct sftp_link {
	struct ring_user user;
	uint32_t epoch;
	/* Threads in it. Under sftp.lock, as the next. */
	unsigned users;
	struct sftp_link *next;
	/* What dead workers had under way has ended, and what they left open is closed. Set under settling. */
	_Atomic bool settled;
	pthread_mutex_t settling;
};

/* backend.state. */
struct sftp {
	pthread_mutex_t lock;
	/* The newest first. */
	struct sftp_link *links;
};

/* Path on the server, of a node or of a name in it. */
struct sftp_place {
	char room[RING_NAME_MAX];
	struct tree_path at;
	/* Of sftp_reach. */
	struct sftp_link *link;
};

/* ---- sftp_link.c ---- */

/* The ring of the present epoch, held until sftp_leave. -ENOTCONN: there is none. */
errint_t sftp_enter(struct backend *b, struct sftp_link **link) WARN_UNUSED;
void sftp_leave(struct backend *b, struct sftp_link *link);

/* The same for a ref: -ENOTCONN if it is of another epoch. */
errint_t sftp_enter_with(struct backend *b, int ref, struct sftp_link **link) WARN_UNUSED;

/* ---- sftp_attr.c ---- */

/* The backend's root, on the server. */
static inline const char *sftp_root(const struct backend *b)
{
	return b->config->path[0] ? b->config->path : ".";
}

/* 0; or as tree_path_of. name: NULL: the node itself. The path is place->at.path. */
errint_t sftp_path(const struct backend *b, uint32_t node, const char *name, struct sftp_place *place);

/* As sftp_path, with the ring to ask: place->link is held until sftp_leave. */
errint_t sftp_reach(struct backend *b, uint32_t node, const char *name, struct sftp_place *place) WARN_UNUSED;

/* As shown. */
void sftp_show(const struct backend *b, const struct sftp_attributes *attrs, struct stat *st);
void sftp_describe(const struct backend *b, const struct sftp_attributes *attrs, struct found *found);

/* As in backend.h. */
errint_t sftp_lookup(struct backend *b, uint32_t parent, const char *name, struct found *found);
errint_t sftp_find(struct backend *b, uint32_t parent, const char *name, struct found *found);
errint_t sftp_getattr(struct backend *b, uint32_t node, int ref, struct stat *st);
errint_t sftp_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
		      struct stat *st);
errint_t sftp_look(struct backend *b, uint32_t node, int ref, struct stat *st);
ssize_t sftp_readlink(struct backend *b, uint32_t node, char *buf, size_t size);
errint_t sftp_statfs(struct backend *b, uint32_t node, struct statvfs *st);

/* ---- sftp_make.c: as in backend.h ---- */

errint_t sftp_mkdir(struct backend *b, uint32_t parent, const char *name, mode_t mode, const struct caller *c,
		    struct found *found);
errint_t sftp_mknod(struct backend *b, uint32_t parent, const char *name, mode_t mode, dev_t rdev,
		    const struct caller *c, struct found *found);
errint_t sftp_symlink(struct backend *b, const char *target, uint32_t parent, const char *name,
		      const struct caller *c, struct found *found);
errint_t sftp_link_to(struct backend *b, uint32_t node, uint32_t parent, const char *name,
		      struct found *found);
errint_t sftp_unlink(struct backend *b, uint32_t parent, const char *name);
errint_t sftp_rmdir(struct backend *b, uint32_t parent, const char *name, bool holds_removed);
errint_t sftp_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
		     const char *newname, unsigned flags);

/* ---- sftp_file.c: as in backend.h ---- */

errint_t sftp_open(struct backend *b, uint32_t node, int flags, int *ref);
errint_t sftp_reopen(struct backend *b, uint32_t node, int ref, int flags, int *again);
errint_t sftp_create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		     const struct caller *c, struct found *found, int *ref);
ssize_t sftp_read(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end);
ssize_t sftp_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset, bool kill_priv);
errint_t sftp_begin_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset,
			  struct backend_write *w);
ssize_t sftp_end_write(struct backend *b, int ref, struct backend_write *w);
errint_t sftp_fsync(struct backend *b, int ref, bool data_only);
errint_t sftp_release(struct backend *b, int ref);
errint_t sftp_find_end(struct backend *b, int ref, off_t *end);
errint_t sftp_compare_end(struct backend *b, int ref, off_t end);
off_t sftp_lseek(struct backend *b, int ref, off_t offset, int whence);
errint_t sftp_opendir(struct backend *b, uint32_t node, int *ref);
errint_t sftp_readdir(struct backend *b, int ref, int64_t offset, readdir_fn emit, void *arg);

/* ---- sftp_errno.c: what a failure was ----
 *
 * From an operation's result these return it, or the error that it should have been, which they find out by looking;
 * -EIO if nothing explains it. */

/* Of an open file: there is nothing to find out, and no name is at fault. */
errint_t sftp_mend(errint_t rc);
/* Asking about a path. */
errint_t sftp_mend_named(const char *path, errint_t rc);
/* Making path. may_exist: that it exists already is no error. */
errint_t sftp_mend_make(const struct ring_user *user, const char *path, bool may_exist, errint_t rc);
/* A hard link from a file to path to. */
errint_t sftp_mend_link(const struct ring_user *user, const char *from, const char *to, errint_t rc);
errint_t sftp_mend_unlink(const struct ring_user *user, const char *path, errint_t rc);
errint_t sftp_mend_rmdir(const struct ring_user *user, const char *path, errint_t rc);
errint_t sftp_mend_rename(const struct ring_user *user, const char *from, const char *to, bool keeps,
			  errint_t rc);
/* Storing size bytes. path: of the backend's root if nothing else is known. */
errint_t sftp_mend_write(const struct ring_user *user, const char *path, size_t size, errint_t rc);

#endif
