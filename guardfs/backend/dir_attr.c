/* Attributes, as storage has them and as shown. */
#include "backend/dir.h"
#include "backend/guarded.h"
#include "backend/tree.h"
#include "base/cleanup.h"

#include <sys/sysmacros.h>
#include <unistd.h>

/* AT_STATX_FORCE_SYNC asks the file system beneath, AT_STATX_DONT_SYNC does not. atime is told as known: the kernel
 * would ask for it after each read. */
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

errint_t dir_describe(struct backend *b, int dirfd, const char *name, struct found *found)
{
	errint_t rc = stat_at(dirfd, name, 0, &found->st);

	found->fh_length = 0;
	found->fh_type = 0;
	found->mounted = false;
	if (rc == 0) {
		guarded_note_stored(found);
		guarded_present(b, &found->st);
	}
	return rc;
}

/* The kernel asks a mount beneath for an open file by name, except for an unknown size, to find the end. */
static errint_t stat_open(int ref, struct stat *st)
{
	errint_t rc = errint(fstat(ref, st));

	if (rc == -ENOENT && lseek(ref, 0, SEEK_END) >= 0)
		rc = stat_at(ref, "", AT_STATX_DONT_SYNC, st);
	return rc;
}

/* A file's parent has a cached descriptor: one system call. */
errint_t dir_getattr(struct backend *b, uint32_t index, int ref, struct stat *st)
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
			rc = tree_check_type(node, st->st_mode);
	} else if (ref >= 0) {
		rc = stat_open(ref, st);
	} else if (is_dir || rc == -ESTALE) {
		rc = posix_getattr(b, index, -1, st);
	}
	if (rc == 0)
		guarded_present(b, st);
	return dir_mend(b, index, rc);
}

errint_t dir_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
		     struct stat *st)
{
	struct stat complete = *want;
	errint_t rc;

	/* SFTP changes a link's target, never the link. */
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
		guarded_present(b, st);
	return dir_mend_setattr(b, node, set, rc);
}

/* sshfs looks the file up when opening it, and answers from that. */
errint_t dir_look(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	errint_t rc = stat_at(ref, "", AT_STATX_FORCE_SYNC, st);

	if (rc == 0)
		guarded_present(b, st);
	return rc == -ENOENT || rc == -ESTALE ? BACKEND_NODE_GONE : dir_mend(b, node, rc);
}
