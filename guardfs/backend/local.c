/* The local tier. Nodes are reached by file handle, else by a kept descriptor or, on a file system mounted within the
 * tier, by name. */
#include "backend/cred.h"
#include "backend/posix.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct local {
	struct posix posix;
	int root_fd;
	/* Of name_to_handle_at. */
	int mount_id;
	/* Of posix_mount_of. */
	uint32_t mount;
	bool has_handles;
};

/* Begins with inode number and generation in 32-bit words (ext2/3/4, XFS with 32-bit inodes). */
#define HANDLE_INO32_GEN	1
#define HANDLE_INO32_GEN_LENGTH 8

/* A new file gets its inode number within this time; after it memory is really out. */
#define REUSE_TRIES    20
#define REUSE_PAUSE_NS (1000 * 1000L)

union handle_space {
	struct file_handle handle;
	char space[sizeof(struct file_handle) + NODE_FH_MAX];
};

static struct local *local_of(const struct backend *b)
{
	return b->state;
}

static _Thread_local int found_fd = -1;

static void set_found_fd(int fd)
{
	if (found_fd >= 0)
		close(found_fd);
	found_fd = fd;
}

int backend_found_fd(void)
{
	int fd = found_fd;

	found_fd = -1;
	return fd;
}

void backend_end_request(void)
{
	set_found_fd(-1);
}

/* AT_EMPTY_PATH: dirfd itself. fh_length 0: no handle that can be opened. */
static errint_t get_handle(const struct local *l, int dirfd, const char *name, int flags, struct found *found)
{
	union handle_space h;
	int mount_id;

	found->fh_length = 0;
	if (!l->has_handles)
		return 0;
	h.handle.handle_bytes = NODE_FH_MAX;
	if (name_to_handle_at(dirfd, name, &h.handle, &mount_id, flags) < 0)
		return errno == EOPNOTSUPP || errno == EOVERFLOW ? 0 : -errno;
	if (mount_id != l->mount_id || h.handle.handle_type < 0 || h.handle.handle_type > UINT8_MAX ||
	    h.handle.handle_bytes > NODE_FH_MAX)
		return 0;
	found->fh_type = (uint8_t)h.handle.handle_type;
	found->fh_length = (uint8_t)h.handle.handle_bytes;
	memcpy(found->fh, h.handle.f_handle, h.handle.handle_bytes);
	return 0;
}

/* Handle and attributes were fetched by name one after the other. */
static bool is_same_inode(const struct found *found)
{
	uint32_t ino;

	if (found->fh_type != HANDLE_INO32_GEN || found->fh_length != HANDLE_INO32_GEN_LENGTH)
		return false;
	memcpy(&ino, found->fh, sizeof(ino));
	return ino == found->st.st_ino;
}

static errint_t describe_fd(struct backend *b, int fd, struct found *found)
{
	errint_t rc;

	found->mounted = false;
	if (fstat(fd, &found->st) < 0)
		return -errno;
	rc = get_handle(local_of(b), fd, "", AT_EMPTY_PATH, found);
	if (rc == 0 && found->fh_length == 0) {
		int kept;

		found->mounted = posix_mount_of(fd) != local_of(b)->mount;
		do
			kept = open(posix_proc_path(fd).text, O_PATH);
		while (kept < 0 && nodefd_shed(errno));
		if (kept < 0)
			return -errno;
		set_found_fd(kept);
	}
	return rc;
}

/* A rename cannot come between, but it takes four system calls instead of two. */
static errint_t describe_opened(struct backend *b, int dirfd, const char *name, struct found *found)
{
	errint_t rc;
	int fd;

	do
		fd = openat(dirfd, name, O_PATH | O_NOFOLLOW);
	while (fd < 0 && nodefd_shed(errno));
	if (fd < 0)
		return -errno;
	rc = describe_fd(b, fd, found);
	close(fd);
	return rc;
}

static errint_t local_describe(struct backend *b, int dirfd, const char *name, struct found *found)
{
	errint_t rc;

	if (!name[0])
		return describe_fd(b, dirfd, found);
	if (fstatat(dirfd, name, &found->st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	found->mounted = false;
	rc = get_handle(local_of(b), dirfd, name, 0, found);
	if (rc == 0 && is_same_inode(found))
		return 0;
	return describe_opened(b, dirfd, name, found);
}

/* While a removed file's inode number is reused the kernel says ENOMEM (iget_locked in ext4). False: memory is
 * out. */
static bool wait_for_reuse(unsigned *tries)
{
	if (++*tries > REUSE_TRIES)
		return false;
	nanosleep(&(struct timespec){.tv_nsec = REUSE_PAUSE_NS}, NULL);
	errno = ENOMEM;
	return true;
}

/* A descriptor or -errno; -ESTALE: the object is gone, or never had a handle. */
static int open_handle(const struct local *l, const struct node *node, int flags)
{
	union handle_space h;
	unsigned tries = 0;
	int fd;

	if (node->fh_length == 0 || node->fh_length > NODE_FH_MAX)
		return -ESTALE;
	h.handle.handle_bytes = node->fh_length;
	h.handle.handle_type = node->fh_type;
	memcpy(h.handle.f_handle, node->fh, node->fh_length);
	do
		fd = open_by_handle_at(l->root_fd, &h.handle, flags);
	while (fd < 0 && (nodefd_shed(errno) || (errno == ENOMEM && wait_for_reuse(&tries))));
	return fd < 0 ? -errno : fd;
}

/* By device and inode. */
static bool is_known_as(const struct node *node, const struct stat *st)
{
	uint64_t pair[2] = {st->st_dev, st->st_ino};

	return memcmp(node->fh, pair, sizeof(pair)) == 0;
}

/* -ESTALE: not there. */
static int open_named(struct backend *b, const struct node *node)
{
	uint32_t parent = __atomic_load_n(&node->parent, __ATOMIC_RELAXED);
	const char *name = name_get(&b->arena->names, __atomic_load_n(&node->name, __ATOMIC_RELAXED));
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	struct stat st;
	errint_t rc;
	int fd;

	if (parent >= NODE_MAX || !name[0] || (node->flags & NODE_UNLINKED))
		return -ESTALE;
	rc = posix_reach(b, parent, &dir);
	if (rc < 0)
		return rc;
	fd = openat(dir.fd, name, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ESTALE : -errno;
	rc = errint(fstat(fd, &st));
	if (rc == 0 && is_known_as(node, &st))
		return fd;
	close(fd);
	return rc < 0 ? rc : -ESTALE;
}

static errint_t local_reach(struct backend *b, uint32_t index, struct reached *r)
{
	const struct node *node = &b->arena->nodes[index];
	int fd;

	if (index == 0) {
		*r = (struct reached){b->arena, 0, local_of(b)->root_fd, REACHED_BORROWED};
		return 0;
	}
	fd = nodefd_pin(b->arena, index, 0);
	if (fd >= 0) {
		*r = (struct reached){b->arena, index, fd, REACHED_PINNED};
		return 0;
	}
	fd = node->fh_length == 0 ? open_named(b, node) : open_handle(local_of(b), node, O_PATH);
	if (fd < 0)
		return fd;
	posix_keep(b, index, 0, fd, r);
	return 0;
}

/* From the handle without an O_PATH descriptor, where possible. */
static errint_t local_open(struct backend *b, uint32_t index, int flags, int *ref)
{
	const struct node *node = &b->arena->nodes[index];
	int fd;

	if (index != 0 && !nodefd_keeps(node)) {
		fd = open_handle(local_of(b), node, posix_open_flags(flags));
		if (fd >= 0)
			*ref = fd;
		if (fd != -ESTALE)
			return fd < 0 ? fd : 0;
	}
	return posix_open(b, index, flags, ref); /* a removed object's kept descriptor still leads to it */
}

static void local_enter(struct backend *b, const struct caller *c, mode_t *mode)
{
	(void)b;
	cred_enter(c, *mode);
}

static void local_leave(struct backend *b, const struct caller *c)
{
	(void)b;
	cred_leave(c);
}

/* Nothing is buffered. */
static errint_t local_flush(struct backend *b, int ref)
{
	(void)b;
	(void)ref;
	return 0;
}

static const struct backend_ops local_ops = {
    .name = "local",
    .lookup = posix_lookup,
    .getattr = posix_getattr,
    .setattr = posix_setattr,
    .readlink = posix_readlink,
    .mkdir = posix_mkdir,
    .mknod = posix_mknod,
    .symlink = posix_symlink,
    .link = posix_link,
    .unlink = posix_unlink,
    .rmdir = posix_rmdir,
    .rename = posix_rename,
    .open = local_open,
    .reopen = posix_reopen_ref,
    .create = posix_create,
    .tmpfile = posix_tmpfile,
    .read = posix_read,
    .write = posix_write,
    .flush = local_flush,
    .fsync = posix_fsync,
    .release = posix_release,
    .find_end = posix_find_end,
    .fallocate = posix_allocate,
    .lseek = posix_lseek,
    .copy_range = posix_copy_range,
    .opendir = posix_opendir,
    .readdir = posix_readdir,
    .getxattr = posix_getxattr,
    .setxattr = posix_setxattr,
    .listxattr = posix_listxattr,
    .removexattr = posix_removexattr,
    .statfs = posix_statfs,
};

static errint_t probe_handles(struct local *l)
{
	union handle_space h;

	h.handle.handle_bytes = NODE_FH_MAX;
	l->mount = posix_mount_of(l->root_fd);
	l->has_handles = name_to_handle_at(l->root_fd, "", &h.handle, &l->mount_id, AT_EMPTY_PATH) == 0;
	if (l->has_handles || errno == EOPNOTSUPP || errno == EOVERFLOW)
		return 0;
	return -errno;
}

errint_t backend_local_open(struct arena *arena, int root_fd, struct backend *b, struct found *found)
{
	struct local *l = calloc(1, sizeof(*l));
	errint_t rc;

	if (!l)
		return -ENOMEM;
	l->posix = (struct posix){local_reach, local_describe, local_enter, local_leave, NULL};
	l->root_fd = root_fd;
	rc = probe_handles(l);
	*b = (struct backend){.ops = &local_ops, .arena = arena, .index = NODE_LOCAL, .state = l};
	if (rc == 0)
		rc = describe_fd(b, l->root_fd, found);
	if (rc < 0) {
		free(l);
		b->state = NULL;
	}
	return rc;
}

int backend_local_root_fd(const struct backend *b)
{
	return local_of(b)->root_fd;
}
