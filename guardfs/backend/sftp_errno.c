/* The errors that a server meant.
 *
 * OpenSSH's server sends "failure" for EEXIST, ENOTEMPTY, ENOSPC, EDQUOT, EXDEV, EROFS, EISDIR and the rest, and "bad
 * message" for EINVAL and ENAMETOOLONG. One that nothing explains, perhaps for want of a descriptor, is EIO. */
#include "backend/sftp.h"

#include <errno.h>

/* No usual file system refuses shorter ones. */
#define SHORT_NAME 143u /* of eCryptfs */
#define SHORT_PATH 1023u

/* Type of the object; 0: none, or unknown. */
static mode_t type_of(const struct ring_user *user, const char *path)
{
	struct sftp_attributes attrs;

	return client_lstat(user, path, &attrs) == 0 ? attrs.permissions & S_IFMT : 0;
}

/* What is to be stored: bytes, or a name. */
struct need {
	size_t size;
	bool name;
};

/* Some file systems make file nodes as needed, and have no number of them. A user's quota shows in no figure. */
static bool is_full(const struct sftp_statvfs *f, struct need need)
{
	if (need.name && f->files > 0 && f->available_files == 0)
		return true;
	return f->blocks > 0 && (f->available_blocks == 0 ||
				 f->available_blocks < need.size / MAX(f->fragment_size, UINT64_C(512)));
}

/* Why nothing more can be stored there: -EROFS, -ENOSPC, or otherwise. */
static errint_t explain_by_figures(const struct ring_user *user, const char *path, struct need need,
				   errint_t otherwise)
{
	struct sftp_statvfs f;

	if (client_statvfs(user, path, &f) < 0)
		return otherwise;
	if (f.flags & SFTP_STATVFS_READ_ONLY)
		return -EROFS;
	return is_full(&f, need) ? -ENOSPC : otherwise;
}

static void above(const char *path, char *parent, size_t size)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n >= size)
		n = 0;
	memcpy(parent, path, n);
	(void)copy_string(parent + n, size - n, n ? "" : slash ? "/" : ".");
}

static errint_t explain_above(const struct ring_user *user, const char *path, struct need need,
			      errint_t otherwise)
{
	char parent[RING_NAME_MAX];

	above(path, parent, sizeof(parent));
	return explain_by_figures(user, parent, need, otherwise);
}

static bool note_entry(void *arg, const char *name, size_t length, const struct sftp_attributes *attrs)
{
	(void)name;
	(void)length;
	(void)attrs;
	*(bool *)arg = true;
	return false;
}

static bool holds_entries(const struct ring_user *user, const char *path)
{
	bool found = false;
	uint32_t ref;

	if (client_opendir(user, path, &ref) < 0)
		return false;
	(void)client_readdir(user, ref, note_entry, &found);
	(void)client_close(user, ref);
	return found;
}

static bool are_on_different_fs(const struct ring_user *user, const char *a, const char *b)
{
	char above_a[RING_NAME_MAX], above_b[RING_NAME_MAX];
	struct sftp_statvfs x, y;

	above(a, above_a, sizeof(above_a));
	above(b, above_b, sizeof(above_b));
	if (client_statvfs(user, above_a, &x) < 0 || client_statvfs(user, above_b, &y) < 0)
		return false;
	return x.fsid != y.fsid || x.blocks != y.blocks || x.files != y.files;
}

errint_t sftp_mend(errint_t rc)
{
	switch (rc) {
	case -EBADMSG:
		return -EINVAL;
	case -EBADF: /* of a transport that lost count of what is open */
	case -ENODATA:
	case -EOPNOTSUPP:
		return -EIO;
	default:
		return rc;
	}
}

/* For some server's file system. */
static bool may_be_too_long(const char *path)
{
	size_t longest = 0;

	if (strlen(path) > SHORT_PATH)
		return true;
	for (const char *at = path; *at;) {
		size_t n = strcspn(at, "/");

		longest = MAX(longest, n);
		at += n + (at[n] == '/');
	}
	return longest > SHORT_NAME;
}

errint_t sftp_mend_named(const char *path, errint_t rc)
{
	return rc == -EBADMSG && may_be_too_long(path) ? -ENAMETOOLONG : sftp_mend(rc);
}

errint_t sftp_mend_make(const struct ring_user *user, const char *path, bool may_exist, errint_t rc)
{
	mode_t there;

	/* A server without links, or without the extension for them. */
	if (rc == -EOPNOTSUPP)
		return -EPERM;
	if (rc != -EIO)
		return sftp_mend_named(path, rc);
	there = type_of(user, path);
	if (there && !may_exist)
		return -EEXIST;
	if (S_ISDIR(there))
		return -EISDIR;
	return explain_above(user, path, (struct need){.name = !there}, rc);
}

static errint_t mend_either(const char *from, const char *to, errint_t rc)
{
	return sftp_mend_named(may_be_too_long(to) ? to : from, rc);
}

errint_t sftp_mend_link(const struct ring_user *user, const char *from, const char *to, errint_t rc)
{
	if (rc != -EIO)
		return mend_either(from, to, rc);
	if (type_of(user, to))
		return -EEXIST;
	if (are_on_different_fs(user, from, to))
		return -EXDEV;
	return explain_above(user, to, (struct need){0}, rc);
}

errint_t sftp_mend_unlink(const struct ring_user *user, const char *path, errint_t rc)
{
	if (rc != -EIO)
		return sftp_mend_named(path, rc);
	return S_ISDIR(type_of(user, path)) ? -EISDIR : explain_above(user, path, (struct need){0}, rc);
}

errint_t sftp_mend_rmdir(const struct ring_user *user, const char *path, errint_t rc)
{
	mode_t there;

	if (rc != -EIO && rc != -ENOENT)
		return sftp_mend_named(path, rc);
	there = type_of(user, path);
	/* OpenSSH says ENOENT of ENOTDIR. */
	if (there && !S_ISDIR(there))
		return -ENOTDIR;
	if (rc == -EIO && there && holds_entries(user, path))
		return -ENOTEMPTY;
	return rc == -EIO ? explain_above(user, path, (struct need){0}, rc) : rc;
}

/* Without the extension for it a server replaces nothing. */
errint_t sftp_mend_rename(const struct ring_user *user, const char *from, const char *to, bool keeps,
			  errint_t rc)
{
	mode_t old, new;

	if (rc != -EIO && rc != -ENOENT && rc != -EBADMSG)
		return mend_either(from, to, rc);
	old = type_of(user, from);
	if (!old)
		return mend_either(from, to, rc);
	new = type_of(user, to);
	if (new &&keeps)
		return -EEXIST;
	if (S_ISDIR(new) && !S_ISDIR(old))
		return -EISDIR;
	if (new && !S_ISDIR(new) && S_ISDIR(old))
		return -ENOTDIR;
	if (rc == -EIO && are_on_different_fs(user, from, to))
		return -EXDEV;
	if (rc == -EIO && S_ISDIR(new) && holds_entries(user, to))
		return -ENOTEMPTY;
	/* Of a directory into itself. */
	if (rc == -EBADMSG && S_ISDIR(old))
		return -EINVAL;
	if (rc == -EIO && new && !(user->ring->extensions & 1u << SFTP_POSIX_RENAME))
		return -EPERM;
	return rc == -EIO && !new ? explain_above(user, to, (struct need){0}, rc) : mend_either(from, to, rc);
}

errint_t sftp_mend_write(const struct ring_user *user, const char *path, size_t size, errint_t rc)
{
	return rc == -EIO ? explain_by_figures(user, path, (struct need){.size = size}, rc) : sftp_mend(rc);
}
