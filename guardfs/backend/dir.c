/* dir.c: guarded directory backends: a directory, or keeper's sshfs mount, below board->root_fd. See dir.h
 * for the parts.
 *
 * Nothing is done in the name of the caller here: what storage thinks of owners is its own affair (sshfs
 * ignores them), and a lost permission must never look like trouble of the tier. A plain dir gives new
 * objects their owner afterwards. */
#include "backend/dir.h"
#include "backend/fault.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define OPEN_TRIES 3

/* Attributes as the configuration presents them; the same rule as libfuse's options uid, gid and umask. */
static void present(const struct backend *b, struct stat *st)
{
	const struct config_backend *c = b->config;

	if (c->has_uid)
		st->st_uid = c->uid;
	if (c->has_gid)
		st->st_gid = c->gid;
	if (c->has_umask)
		st->st_mode = (st->st_mode & S_IFMT) | (0777 & ~c->umask);
}

/* flags: AT_STATX_DONT_SYNC: what the kernel knows of it; AT_STATX_FORCE_SYNC: the file system beneath is
 * asked; else as the kernel thinks right. It asks for all attributes again to tell the time of the last read
 * after each read: that is told as it is known. */
static errint_t stat_at(int dirfd, const char *name, int flags, struct stat *st)
{
	struct statx x;

	if (statx(dirfd, name, flags | (name[0] ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH),
		  STATX_BASIC_STATS & ~STATX_ATIME, &x) < 0)
		return -errno;
	*st = (struct stat){.st_ino = x.stx_ino,
			    .st_mode = x.stx_mode,
			    .st_nlink = x.stx_nlink,
			    .st_uid = x.stx_uid,
			    .st_gid = x.stx_gid,
			    .st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor),
			    .st_size = (off_t)x.stx_size,
			    .st_blocks = (blkcnt_t)x.stx_blocks,
			    .st_blksize = (blksize_t)x.stx_blksize,
			    .st_atim = {x.stx_atime.tv_sec, x.stx_atime.tv_nsec},
			    .st_mtim = {x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec},
			    .st_ctim = {x.stx_ctime.tv_sec, x.stx_ctime.tv_nsec}};
	return 0;
}

static errint_t dir_describe(struct backend *b, int dirfd, const char *name, struct found *found)
{
	errint_t rc = stat_at(dirfd, name, 0, &found->st);

	found->fh_length = 0;
	found->fh_type = 0;
	found->mounted = false;
	if (rc == 0)
		present(b, &found->st);
	return rc;
}

/* Where one mode is shown for all, nobody could see that a file keeps out the account that the server knows
 * us by, nor mend it (chmod has no effect): what a caller made read-only could not be opened again, not even
 * to go on writing after a reconnect. */
static void dir_enter(struct backend *b, const struct caller *c, mode_t *mode)
{
	*mode &= ~c->umask;
	if (b->config->has_umask)
		*mode |= S_ISDIR(*mode) ? S_IRWXU : S_IRUSR | S_IWUSR;
}

static void dir_leave(struct backend *b, const struct caller *c)
{
	(void)b;
	(void)c;
}

/* Gives a new object to its caller. Failure is no error: storage that doesn't let us keeps its own idea of
 * owners. */
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

/* The kernel asks a file system beneath for an open file's attributes by its name, which it may have lost.
 * Only for its size, when the end is sought, it asks by the open file, if it doesn't know that any more. */
static errint_t stat_open(int ref, struct stat *st)
{
	errint_t rc = errint(fstat(ref, st));

	if (rc == -ENOENT && lseek(ref, 0, SEEK_END) >= 0)
		rc = stat_at(ref, "", AT_STATX_DONT_SYNC, st);
	return rc;
}

/* Files are looked at through their parent, whose descriptor is cached: one system call. */
static errint_t dir_getattr(struct backend *b, uint32_t index, int ref, struct stat *st)
{
	const struct node *node = &b->arena->nodes[index];
	bool is_dir = S_ISDIR(__atomic_load_n(&node->mode, __ATOMIC_RELAXED));
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	char name[NAME_LENGTH_MAX + 1];
	errint_t rc = -ESTALE;

	if (ref < 0 && !is_dir)
		rc = dir_reach_parent(b, index, &dir, name);
	if (rc == 0) {
		rc = stat_at(dir.fd, name, 0, st);
		if (rc == 0)
			rc = dir_check_type(node, st->st_mode);
	} else if (ref >= 0) {
		rc = stat_open(ref, st);
	} else if (is_dir || rc == -ESTALE) {
		rc = posix_getattr(b, index, -1, st);
	}
	if (rc == 0)
		present(b, st);
	return dir_mend(b, index, rc);
}

static errint_t dir_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
			    struct stat *st)
{
	struct stat complete = *want;
	errint_t rc;

	/* SFTP as sshfs speaks it changes what a link points to, never the link: the times of some other
	 * file, or ENOENT. Nothing of a link itself can be set, and nothing else may be. */
	if (b->config->type == BACKEND_SSHFS && S_ISLNK(b->arena->nodes[node].mode))
		set = 0;
	if (b->config->present_owner)
		set &= ~(unsigned)(SET_MODE | SET_UID | SET_GID | SET_KILL_PRIV);
	if (!(set & ~(unsigned)SET_CTIME))
		return dir_getattr(b, node, ref, st);
	rc = dir_complete_times(b, node, ref, &complete, &set);
	if (rc == 0)
		rc = posix_setattr(b, node, ref, &complete, set, st);
	if (rc == 0)
		present(b, st);
	return dir_mend_setattr(b, node, set, rc);
}

/* sshfs itself says EPERM of a link that it was told not to show (contain_symlinks). */
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

	/* sshfs itself says EPERM of what is no regular file: SFTP cannot make it. */
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

/* A file that is replaced between being found and being opened is found again: storage that goes by paths
 * (sshfs) says that there is none, or the kernel that what was found is stale. */
static errint_t dir_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	int fd = -ENOENT;

	for (int tries = 0; tries < OPEN_TRIES && (fd == -ENOENT || fd == -ESTALE); tries++) {
		CLEANUP_REACHED struct reached r = REACHED_NONE;
		errint_t rc = dir_reach(b, node, &r);

		/* The caller's kernel took it to be there. Who opens in order to create, if need be, must not
		 * be told that there is none. */
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

static errint_t dir_create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
			   const struct caller *c, struct found *found, int *ref)
{
	errint_t rc = posix_create(b, parent, name, flags, mode, c, found, ref);

	return dir_mend_make(b, parent, name, !(flags & O_EXCL), rc);
}

/* Opening it is what no cache answers for (sshfs looks it up then). */
static errint_t dir_find_end(struct backend *b, int ref, off_t *end)
{
	CLEANUP_FD int fd = -1;
	errint_t rc = posix_reopen_ref(b, ref, O_RDONLY, &fd);

	return rc < 0 ? rc : fd_size_now(fd, end);
}

/* sshfs looks the file up together with opening it, and remembers that: it answers without asking the server
 * once more. */
errint_t dir_look(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	errint_t rc = stat_at(ref, "", AT_STATX_FORCE_SYNC, st);

	if (rc == 0)
		present(b, st);
	return rc == -ENOENT || rc == -ESTALE ? BACKEND_NODE_GONE : dir_mend(b, node, rc);
}

/* sshfs tells of a read that failed, be it that the connection broke, as of the end of the file
 * (github.com/libfuse/sshfs/issues/224): whoever copied the file would have a part of it and no error. Read
 * through the same open file: another client may have put another one in its place. */
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

static ssize_t dir_read(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end)
{
	ssize_t rc = posix_read(b, ref, buf, size, offset, end);

	if (rc >= 0 && (size_t)rc < size && offset + rc < end)
		rc = read_again(b, ref, buf, size, offset);
	return rc == -EPERM ? dir_mend_io(b, ref, 0, rc) : rc;
}

/* Over sshfs the kernel would read and write by itself, and not look twice. */
static ssize_t dir_copy_range(struct backend *b, int ref_in, off_t off_in, int ref_out, off_t off_out,
			      size_t size)
{
	if (b->config->type == BACKEND_SSHFS)
		return -EOPNOTSUPP;
	return posix_copy_range(b, ref_in, off_in, ref_out, off_out, size);
}

/* Set-id bits mean nothing where ownership is presented, and sshfs has no say in them. */
static ssize_t dir_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset,
			 bool kill_priv)
{
	bool kill = kill_priv && b->config->type == BACKEND_DIR && !b->config->present_owner;

	return dir_mend_io(b, ref, size, posix_write(b, ref, buf, size, offset, kill));
}

/* Closing a duplicate makes a FUSE mount beneath write out and report what it still owes. Our own sshfs owes
 * nothing: each write was answered by the server before it was answered here (sshfs-compat/options.c). */
static errint_t dir_flush(struct backend *b, int ref)
{
	int fd;

	if (b->config->type == BACKEND_SSHFS)
		return 0;
	fd = dup(ref);
	return fd < 0 ? -errno : (errint_t)dir_mend_io(b, ref, 0, errint(close(fd)));
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
    .flush = dir_flush,
    .fsync = dir_fsync,
    .release = posix_release,
    .find_end = dir_find_end,
    .look = dir_look,
    .compare_end = posix_compare_end,
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
	bool owning = config->type == BACKEND_DIR && !config->present_owner;
	struct backend dir = {.ops = &dir_ops,
			      .arena = arena,
			      .board = &arena->board.backends[index],
			      .config = config,
			      .index = (uint8_t)index};
	struct dir *state;

	if (index >= CONFIG_BACKENDS_MAX)
		return -EINVAL;
	state = malloc(sizeof(*state));
	if (!state)
		return -ENOMEM;
	*state = (struct dir){.posix = owning ? dir_posix_owning : dir_posix};
	dir.state = state;
	if (config->filter == FILTER_FAULT)
		return fault_wrap(&dir, b);
	*b = dir;
	return 0;
}
