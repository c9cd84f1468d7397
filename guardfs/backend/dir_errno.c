/* The errors that sshfs meant.
 *
 * Of OpenSSH's "failure" (sftp_errno.c) sshfs makes EPERM (of rmdir: ENOTEMPTY). A missing right is EACCES. Looking
 * afterwards tells some apart. */
#include "backend/dir.h"
#include "backend/tree.h"

#include <dirent.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool is_sshfs(const struct backend *b)
{
	return b->config->type == BACKEND_SSHFS;
}

static bool is_doubtful(const struct backend *b, ssize_t rc)
{
	return is_sshfs(b) && (rc == -EPERM || rc == -EIO);
}

/* False if unknown. */
static bool is_full(int fd, size_t size)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) < 0 || st.f_blocks == 0)
		return false;
	return st.f_bavail == 0 || (uint64_t)st.f_bavail * st.f_frsize < size;
}

/* 0: none, or unknown. */
static mode_t type_at(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & S_IFMT : 0;
}

static bool is_missing(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* sshfs has no f_fsid, but the server answers for each path. */
static bool are_on_different_fs(int a, int b)
{
	struct statvfs x, y;

	if (fstatvfs(a, &x) < 0 || fstatvfs(b, &y) < 0)
		return false;
	return x.f_blocks != y.f_blocks || x.f_frsize != y.f_frsize || x.f_files != y.f_files;
}

static bool holds_entries(int dirfd, const char *name)
{
	_Alignas(8) char buf[2048];
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	bool found = false;
	ssize_t n;

	if (fd < 0)
		return false;
	while (!found && (n = getdents64(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n && !found;) {
			const struct dirent64 *e = (const void *)(buf + at);

			found = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
			at += e->d_reclen;
		}
	}
	close(fd);
	return found;
}

/* OpenSSH says "bad message" of too long a name. The mount beneath says ESTALE of a removed object. */
errint_t dir_mend(struct backend *b, uint32_t node, errint_t rc)
{
	if (!is_sshfs(b))
		return rc;
	switch (rc) {
	case -EPERM:
		return -EIO;
	case -EBADMSG:
		return -ENAMETOOLONG;
	case -ESTALE:
		return tree_nameless(&b->arena->nodes[node]);
	default:
		return rc;
	}
}

errint_t dir_mend_listing(struct backend *b, errint_t rc)
{
	if (!is_sshfs(b))
		return rc;
	return rc == -ESTALE ? 0 : rc == -EPERM ? -EIO : rc;
}

static errint_t explain_make(struct backend *b, uint32_t parent, const char *name, bool may_exist,
			     errint_t rc)
{
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	mode_t there;

	if (!is_doubtful(b, rc) || dir_reach(b, parent, &dir) < 0)
		return rc;
	there = rc == -EPERM ? type_at(dir.fd, name) : 0;
	if (there && !may_exist)
		return -EEXIST;
	if (S_ISDIR(there))
		return -EISDIR;
	return is_full(dir.fd, 0) ? -ENOSPC : rc;
}

errint_t dir_mend_make(struct backend *b, uint32_t parent, const char *name, bool may_exist, errint_t rc)
{
	return dir_mend(b, parent, explain_make(b, parent, name, may_exist, rc));
}

/* From libfuse in sshfs, without a free name to hide an open file under. */
static errint_t mend_busy(const struct backend *b, errint_t rc)
{
	return is_sshfs(b) && rc == -EBUSY ? -EIO : rc;
}

static errint_t explain_unlink(struct backend *b, uint32_t parent, const char *name, errint_t rc)
{
	CLEANUP_REACHED struct reached dir = REACHED_NONE;

	if (!is_sshfs(b) || rc != -EPERM || dir_reach(b, parent, &dir) < 0)
		return rc;
	if (S_ISDIR(type_at(dir.fd, name)))
		return -EISDIR;
	return is_missing(dir.fd, name) ? -ENOENT : rc;
}

errint_t dir_mend_unlink(struct backend *b, uint32_t parent, const char *name, errint_t rc)
{
	return dir_mend(b, parent, explain_unlink(b, parent, name, mend_busy(b, rc)));
}

static errint_t explain_rmdir(struct backend *b, uint32_t parent, const char *name, errint_t rc)
{
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	mode_t there;

	if (!is_sshfs(b) || rc != -EPERM || dir_reach(b, parent, &dir) < 0)
		return rc;
	there = type_at(dir.fd, name);
	if (there && !S_ISDIR(there))
		return -ENOTDIR;
	if (there)
		return holds_entries(dir.fd, name) ? -ENOTEMPTY : rc;
	return is_missing(dir.fd, name) ? -ENOENT : rc;
}

errint_t dir_mend_rmdir(struct backend *b, uint32_t parent, const char *name, errint_t rc)
{
	return dir_mend(b, parent, explain_rmdir(b, parent, name, rc));
}

static errint_t explain_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			       const char *newname, unsigned flags, errint_t rc)
{
	CLEANUP_REACHED struct reached from = REACHED_NONE;
	CLEANUP_REACHED struct reached to = REACHED_NONE;
	mode_t old, new;

	if (!is_sshfs(b) || rc != -EPERM || dir_reach(b, parent, &from) < 0 ||
	    dir_reach(b, newparent, &to) < 0)
		return rc;
	old = type_at(from.fd, name);
	new = type_at(to.fd, newname);
	if (!old)
		return is_missing(from.fd, name) ? -ENOENT : rc;
	if (are_on_different_fs(from.fd, to.fd))
		return -EXDEV;
	if (!new)
		return is_full(to.fd, 0) ? -ENOSPC : rc;
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (S_ISDIR(new) && !S_ISDIR(old))
		return -EISDIR;
	if (!S_ISDIR(new) && S_ISDIR(old))
		return -ENOTDIR;
	return S_ISDIR(new) && holds_entries(to.fd, newname) ? -ENOTEMPTY : rc;
}

errint_t dir_mend_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			 const char *newname, unsigned flags, errint_t rc)
{
	return dir_mend(b, parent,
			explain_rename(b, parent, name, newparent, newname, flags, mend_busy(b, rc)));
}

static errint_t explain_link(struct backend *b, uint32_t node, uint32_t parent, errint_t rc)
{
	CLEANUP_REACHED struct reached file = REACHED_NONE;
	CLEANUP_REACHED struct reached dir = REACHED_NONE;

	if (!is_sshfs(b) || rc != -EPERM || dir_reach(b, node, &file) < 0 || dir_reach(b, parent, &dir) < 0)
		return rc;
	return are_on_different_fs(file.fd, dir.fd) ? -EXDEV : rc;
}

errint_t dir_mend_link(struct backend *b, uint32_t node, uint32_t parent, const char *name, errint_t rc)
{
	return dir_mend(b, parent, explain_link(b, node, parent, explain_make(b, parent, name, false, rc)));
}

errint_t dir_mend_setattr(struct backend *b, uint32_t node, unsigned set, errint_t rc)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;

	if (is_doubtful(b, rc) && set & SET_SIZE && dir_reach(b, node, &r) == 0 && is_full(r.fd, 0))
		return -ENOSPC;
	return dir_mend(b, node, rc);
}

ssize_t dir_mend_io(struct backend *b, int ref, size_t size, ssize_t rc)
{
	if (!is_doubtful(b, rc))
		return rc;
	/* Open files are not checked for rights: EPERM only says that it failed. */
	return is_full(ref, size) ? -ENOSPC : -EIO;
}
