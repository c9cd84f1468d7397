/* Guarded directory backends: a directory, or keeper's sshfs mount, below board->root_fd. Nothing is done in the
 * caller's name: sshfs ignores owners, and a missing permission must not look like trouble of the tier. */
#include "backend/dir.h"
#include "backend/cred.h"
#include "backend/guarded.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "policy/errclass.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define OPEN_TRIES 3

static void dir_enter(struct backend *b, const struct caller *c, mode_t *mode)
{
	cred_set_umask(0);
	*mode = guarded_new_mode(b, c, *mode);
}

static void dir_leave(struct backend *b, const struct caller *c)
{
	(void)b;
	(void)c;
}

/* Failure is no error: storage may have its own idea of owners. */
static void dir_settle(struct backend *b, int dirfd, const char *name, int fd, mode_t mode,
		       const struct caller *c)
{
	struct stat parent;
	gid_t gid = c->gid;
	int rc;

	(void)b;
	if (c->uid == 0 && c->gid == 0)
		return;
	if (fstat(dirfd, &parent) == 0 && (parent.st_mode & S_ISGID))
		gid = (gid_t)-1; /* inherited */
	rc = fd >= 0 ? fchown(fd, c->uid, gid) : fchownat(dirfd, name, c->uid, gid, AT_SYMLINK_NOFOLLOW);
	if (rc == 0 && (mode & (S_ISUID | S_ISGID)) && !S_ISDIR(mode) && !S_ISLNK(mode))
		rc = fd >= 0 ? fchmod(fd, mode & 07777) : fchmodat(dirfd, name, mode & 07777, 0);
	(void)rc;
}

/* sshfs's own EPERM: contain_symlinks hides the target. */
static ssize_t dir_readlink(struct backend *b, uint32_t node, char *buf, size_t size)
{
	ssize_t rc = posix_readlink(b, node, buf, size);

	return rc == -EPERM ? rc : dir_mend(b, node, (errint_t)rc);
}

static errint_t dir_lookup(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	return dir_mend(b, parent, posix_lookup(b, parent, name, found));
}

static errint_t dir_mkdir(struct backend *b, uint32_t parent, const char *name, mode_t mode,
			  const struct caller *c, struct found *found)
{
	errint_t rc = posix_mkdir(b, parent, name, mode, c, found);

	return dir_mend_make(b, parent, name, false, rc);
}

static errint_t dir_mknod(struct backend *b, uint32_t parent, const char *name, mode_t mode, dev_t rdev,
			  const struct caller *c, struct found *found)
{
	errint_t rc = posix_mknod(b, parent, name, mode, rdev, c, found);

	/* sshfs's own EPERM: SFTP makes regular files only. */
	if (rc == -EPERM && mode & S_IFMT && !S_ISREG(mode))
		return rc;
	return dir_mend_make(b, parent, name, false, rc);
}

static errint_t dir_symlink(struct backend *b, const char *target, uint32_t parent, const char *name,
			    const struct caller *c, struct found *found)
{
	errint_t rc = posix_symlink(b, target, parent, name, c, found);

	return dir_mend_make(b, parent, name, false, rc);
}

static errint_t dir_link(struct backend *b, uint32_t node, uint32_t parent, const char *name,
			 struct found *found)
{
	errint_t rc = posix_link(b, node, parent, name, found);

	return dir_mend_link(b, node, parent, name, rc);
}

static errint_t dir_unlink(struct backend *b, uint32_t parent, const char *name)
{
	return dir_mend_unlink(b, parent, name, posix_unlink(b, parent, name));
}

static errint_t dir_rmdir(struct backend *b, uint32_t parent, const char *name, bool holds_removed)
{
	errint_t rc;

	if (holds_removed && b->config->type == BACKEND_SSHFS)
		rc = dir_rmdir_around_hidden(b, parent, name);
	else
		rc = posix_rmdir(b, parent, name, holds_removed);
	return dir_mend_rmdir(b, parent, name, rc);
}

static errint_t dir_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			   const char *newname, unsigned flags)
{
	errint_t rc = posix_rename(b, parent, name, newparent, newname, flags);

	return dir_mend_rename(b, parent, name, newparent, newname, flags, rc);
}

/* A file replaced meanwhile is found again: sshfs, going by paths, says ENOENT, or the kernel ESTALE. */
static errint_t dir_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	int fd = -ENOENT;

	for (int tries = 0; tries < OPEN_TRIES && (fd == -ENOENT || fd == -ESTALE); tries++) {
		CLEANUP_REACHED struct reached r = REACHED_NONE;
		errint_t rc = dir_reach(b, node, &r);

		/* An opener that would create the file must not be told ENOENT. */
		if (rc < 0)
			return rc == -ENOENT ? BACKEND_NODE_GONE : dir_mend(b, node, rc);
		fd = posix_reopen(r.fd, flags);
		if (fd == -ENOENT || fd == -ESTALE)
			dir_forget_name(b, node);
	}
	if (fd == -ENOENT || fd == -ESTALE)
		return BACKEND_NODE_GONE;
	if (fd < 0)
		return dir_mend(b, node, fd);
	*ref = fd;
	return 0;
}

/* After O_TRUNC the kernel below asks for the size again: a round trip. */
static bool is_cut_afterwards(const struct backend *b, int flags)
{
	return b->config->type == BACKEND_SSHFS && flags & O_TRUNC && (flags & O_ACCMODE) != O_RDONLY;
}

static errint_t cut_created(struct backend *b, struct found *found, int *ref)
{
	errint_t rc = found->st.st_size ? errint(ftruncate(*ref, 0)) : 0;

	if (rc == 0) {
		found->st.st_size = 0;
	} else {
		b->ops->release(b, *ref);
		*ref = -1;
	}
	return rc;
}

static errint_t dir_create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
			   const struct caller *c, struct found *found, int *ref)
{
	bool cut = is_cut_afterwards(b, flags);
	errint_t rc = posix_create(b, parent, name, cut ? flags & ~O_TRUNC : flags, mode, c, found, ref);

	if (rc == 0 && cut)
		rc = cut_created(b, found, ref);
	return dir_mend_make(b, parent, name, !(flags & O_EXCL), rc);
}

/* An open is answered by no cache: sshfs looks the file up. */
static errint_t dir_find_end(struct backend *b, int ref, off_t *end)
{
	CLEANUP_FD int fd = -1;
	errint_t rc = posix_reopen_ref(b, NODE_NONE, ref, O_RDONLY, &fd);

	return rc < 0 ? rc : fd_size_now(fd, end);
}

/* sshfs reports a failed read as end of file (github.com/libfuse/sshfs/issues/224): docs/INTERNALS.md, "The end of a
 * file". */
static ssize_t read_again(struct backend *b, int ref, void *buf, size_t size, off_t offset)
{
	off_t end = 0;
	ssize_t rc = dir_find_end(b, ref, &end), wanted;

	if (rc < 0)
		return rc;
	wanted = end > offset ? (ssize_t)MIN((uint64_t)(end - offset), (uint64_t)size) : 0;
	if (wanted > 0)
		rc = posix_read(b, ref, buf, (size_t)wanted, offset, end);
	return rc >= 0 && rc < wanted ? -EIO : rc;
}

/* Makes the FUSE mount beneath finish what it has taken, and report. */
static errint_t close_duplicate(int ref)
{
	int fd = dup(ref);

	return fd < 0 ? -errno : errint(close(fd));
}

/* sshfs takes a write and reports later: once, to whoever closes first. */
static bool is_acknowledged_early(const struct backend *b)
{
	return b->config->type == BACKEND_SSHFS && b->config->durability == DURABILITY_BEHIND;
}

static bool may_owe_report(const struct backend *b, int ref)
{
	return is_acknowledged_early(b) && (fcntl(ref, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/* Without a known end. A connection that serves after the read (statvfs reaches the server) served the read, unless it
 * is another one: an sshfs that has lost its connection, and will end, makes a new one for requests that come meanwhile.
 * Files opened before stay broken. */
static ssize_t believe_end(const struct backend *b, int ref, ssize_t rc)
{
	struct statvfs st;
	errint_t error = errint(fstatvfs(ref, &st));

	if (errclass_info(errclass_from_errno(-error))->infrastructure)
		return error;
	error = may_owe_report(b, ref) ? 0 : close_duplicate(ref);
	return error < 0 ? error : rc;
}

static errint_t dir_compare_end(struct backend *b, int ref, off_t end)
{
	errint_t rc = posix_compare_end(b, ref, end);

	return rc == END_BEFORE && b->config->type == BACKEND_SSHFS ? (errint_t)believe_end(b, ref, rc) : rc;
}

static ssize_t dir_read(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end)
{
	ssize_t rc = posix_read(b, ref, buf, size, offset, end);

	if (rc >= 0 && (size_t)rc < size && offset + rc < end)
		rc = read_again(b, ref, buf, size, offset);
	else if (rc >= 0 && (size_t)rc < size && end == 0 && b->config->type == BACKEND_SSHFS)
		rc = believe_end(b, ref, rc);
	return rc == -EPERM ? dir_mend_io(b, ref, 0, rc) : rc;
}

/* Over sshfs the kernel would copy by itself, and not look twice. */
static ssize_t dir_copy_range(struct backend *b, int ref_in, off_t off_in, int ref_out, off_t off_out,
			      size_t size)
{
	if (b->config->type == BACKEND_SSHFS)
		return -EOPNOTSUPP;
	return posix_copy_range(b, ref_in, off_in, ref_out, off_out, size);
}

/* Set-id bits mean nothing where ownership is presented; sshfs cannot change them. */
static ssize_t dir_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset,
			 bool kill_priv)
{
	bool kill = kill_priv && backend_is_plain(b->config->type) && !b->config->present_owner;

	ssize_t rc = posix_write(b, ref, buf, size, offset, kill);

	if (rc > 0 && is_acknowledged_early(b)) {
		errint_t late = close_duplicate(ref);

		rc = late < 0 ? late : rc;
	}
	return dir_mend_io(b, ref, size, rc);
}

static ssize_t dir_hand_over(struct backend *b, int ref, const void *buf, size_t size, off_t offset)
{
	return dir_mend_io(b, ref, size, posix_write(b, ref, buf, size, offset, false));
}

static errint_t dir_confirm(struct backend *b, int ref)
{
	return (errint_t)dir_mend_io(b, ref, 0, close_duplicate(ref));
}

/* Our sshfs owes nothing: each write was answered or confirmed. */
static errint_t dir_flush(struct backend *b, int ref)
{
	return b->config->type == BACKEND_SSHFS ? 0 : dir_confirm(b, ref);
}

static errint_t dir_fsync(struct backend *b, int ref, bool data_only)
{
	return (errint_t)dir_mend_io(b, ref, 0, posix_fsync(b, ref, data_only));
}

static errint_t dir_opendir(struct backend *b, uint32_t node, int *ref)
{
	return dir_mend(b, node, posix_opendir(b, node, ref));
}

static errint_t dir_readdir(struct backend *b, int ref, int64_t offset, readdir_fn emit, void *arg)
{
	errint_t rc = posix_readdir(b, ref, offset, emit, arg);

	return dir_mend_listing(b, rc);
}

static const struct backend_ops dir_ops = {
    .name = "dir",
    .lookup = dir_lookup,
    .find = dir_find,
    .getattr = dir_getattr,
    .setattr = dir_setattr,
    .readlink = dir_readlink,
    .mkdir = dir_mkdir,
    .mknod = dir_mknod,
    .symlink = dir_symlink,
    .link = dir_link,
    .unlink = dir_unlink,
    .rmdir = dir_rmdir,
    .rename = dir_rename,
    .open = dir_open,
    .reopen = posix_reopen_ref,
    .create = dir_create,
    .tmpfile = posix_tmpfile,
    .read = dir_read,
    .write = dir_write,
    .hand_over = dir_hand_over,
    .confirm = dir_confirm,
    .flush = dir_flush,
    .fsync = dir_fsync,
    .release = posix_release,
    .drop = posix_drop,
    .find_end = dir_find_end,
    .look = dir_look,
    .compare_end = dir_compare_end,
    .fallocate = posix_allocate,
    .lseek = posix_lseek,
    .copy_range = dir_copy_range,
    .opendir = dir_opendir,
    .readdir = dir_readdir,
    .getxattr = posix_getxattr,
    .setxattr = posix_setxattr,
    .listxattr = posix_listxattr,
    .removexattr = posix_removexattr,
    .statfs = posix_statfs,
};

static const struct posix dir_posix_owning = {dir_reach, dir_describe, dir_enter, dir_leave, dir_settle};
static const struct posix dir_posix = {dir_reach, dir_describe, dir_enter, dir_leave, NULL};

errint_t backend_dir_open(struct arena *arena, unsigned index, struct backend *b)
{
	const struct config_backend *config = &arena->board.config.backends[index];
	bool owning = backend_is_plain(config->type) && !config->present_owner;
	struct dir *state;

	*b = (struct backend){.ops = &dir_ops,
			      .arena = arena,
			      .board = &arena->board.backends[index],
			      .config = config,
			      .index = (uint8_t)index};
	state = malloc(sizeof(*state));
	if (!state)
		return -ENOMEM;
	b->hands_over = is_acknowledged_early(b);
	*state = (struct dir){.posix = owning ? dir_posix_owning : dir_posix};
	b->state = state;
	return 0;
}
