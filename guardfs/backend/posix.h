/* Operations that local and dir share, in terms of descriptors. Private to backend/. Any thread.
 *
 * Descriptors are not close-on-exec: guardian keeps them over its re-execution, and closing a hung backend's would
 * hang. */
#ifndef GUARDFS_BACKEND_POSIX_H
#define GUARDFS_BACKEND_POSIX_H

#include "backend/backend.h"
#include "backend/nodefd.h"

#include <errno.h>
#include <fcntl.h>

/* A node's O_PATH descriptor while in scope: CLEANUP_REACHED struct reached dir = REACHED_NONE; */
struct reached {
	struct arena *arena;
	uint32_t node;
	int fd;
	enum { REACHED_BORROWED, REACHED_PINNED, REACHED_OWN } kind;
};

#define REACHED_NONE     \
	{                \
		.fd = -1 \
	}
#define CLEANUP_REACHED __attribute__((cleanup(posix_leave)))

void posix_leave(struct reached *r);

/* Puts a new descriptor into r: cached if possible, else r's own. */
void posix_keep(struct backend *b, uint32_t node, uint32_t epoch, int fd, struct reached *r);

/* First member of backend.state: how the two differ. */
struct posix {
	errint_t (*reach)(struct backend *b, uint32_t node, struct reached *r);
	/* "": dirfd itself. */
	errint_t (*describe)(struct backend *b, int dirfd, const char *name, struct found *found);
	/* Around a system call that makes something; enter may change the mode. */
	void (*enter)(struct backend *b, const struct caller *c, mode_t *mode);
	void (*leave)(struct backend *b, const struct caller *c);
	/* After it: sets the owner where enter could not. fd: the new object or -1. May be NULL. */
	void (*settle)(struct backend *b, int dirfd, const char *name, int fd, mode_t mode,
		       const struct caller *c);
};

static inline const struct posix *posix_of(const struct backend *b)
{
	return b->state;
}

static inline errint_t posix_reach(struct backend *b, uint32_t node, struct reached *r)
{
	return posix_of(b)->reach(b, node, r);
}

static inline errint_t errint(int rc)
{
	return rc < 0 ? -errno : 0;
}

/* Leads to the object of an O_PATH descriptor; a symlink is not followed. */
struct proc_path {
	char text[32];
};
struct proc_path posix_proc_path(int fd);

/* Opens that object. A descriptor or -errno. */
int posix_reopen(int fd, int flags);

/* For comparison: number of the mount through which the object was opened; before Linux 5.8 of its device. 0:
 * unknown. Asks no storage. */
uint32_t posix_mount_of(int fd);

/* Those that may reach storage. */
int posix_open_flags(int flags);

/* As in backend.h. */
errint_t posix_lookup(struct backend *b, uint32_t parent, const char *name, struct found *found);
errint_t posix_getattr(struct backend *b, uint32_t node, int ref, struct stat *st);
errint_t posix_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
		       struct stat *st);
ssize_t posix_readlink(struct backend *b, uint32_t node, char *buf, size_t size);
errint_t posix_statfs(struct backend *b, uint32_t node, struct statvfs *st);

errint_t posix_mkdir(struct backend *b, uint32_t parent, const char *name, mode_t mode,
		     const struct caller *c, struct found *found);
errint_t posix_mknod(struct backend *b, uint32_t parent, const char *name, mode_t mode, dev_t rdev,
		     const struct caller *c, struct found *found);
errint_t posix_symlink(struct backend *b, const char *target, uint32_t parent, const char *name,
		       const struct caller *c, struct found *found);
errint_t posix_link(struct backend *b, uint32_t node, uint32_t parent, const char *name, struct found *found);
errint_t posix_unlink(struct backend *b, uint32_t parent, const char *name);
errint_t posix_rmdir(struct backend *b, uint32_t parent, const char *name, bool holds_removed);
errint_t posix_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
		      const char *newname, unsigned flags);

errint_t posix_open(struct backend *b, uint32_t node, int flags, int *ref);
errint_t posix_create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		      const struct caller *c, struct found *found, int *ref);
errint_t posix_tmpfile(struct backend *b, uint32_t parent, int flags, mode_t mode, const struct caller *c,
		       struct found *found, int *ref);
errint_t posix_reopen_ref(struct backend *b, uint32_t node, int ref, int flags, int *again);
errint_t posix_release(struct backend *b, int ref);
void posix_drop(struct backend *b, int ref);

ssize_t posix_read(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end);
ssize_t posix_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset, bool kill_priv);
errint_t posix_fsync(struct backend *b, int ref, bool data_only);
errint_t posix_find_end(struct backend *b, int ref, off_t *end);
errint_t posix_compare_end(struct backend *b, int ref, off_t end);
errint_t posix_allocate(struct backend *b, int ref, int mode, off_t offset, off_t length);
off_t posix_lseek(struct backend *b, int ref, off_t offset, int whence);
ssize_t posix_copy_range(struct backend *b, int ref_in, off_t off_in, int ref_out, off_t off_out,
			 size_t size);

errint_t posix_opendir(struct backend *b, uint32_t node, int *ref);
errint_t posix_readdir(struct backend *b, int ref, int64_t offset, readdir_fn emit, void *arg);

ssize_t posix_getxattr(struct backend *b, uint32_t node, const char *name, void *value, size_t size);
errint_t posix_setxattr(struct backend *b, uint32_t node, const char *name, const void *value, size_t size,
			int flags);
ssize_t posix_listxattr(struct backend *b, uint32_t node, char *list, size_t size);
errint_t posix_removexattr(struct backend *b, uint32_t node, const char *name);

#endif
