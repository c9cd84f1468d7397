/* Metadata of nodes: getattr, setattr, readlink, statfs. */
#include "backend/posix.h"

#include <unistd.h>

/* An open file, else an O_PATH descriptor. */
struct target {
	int fd;
	bool is_open;
};

errint_t posix_getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	errint_t rc;

	if (ref >= 0)
		return errint(fstat(ref, st));
	rc = posix_reach(b, node, &r);
	return rc < 0 ? rc : errint(fstat(r.fd, st));
}

static errint_t change_mode(struct target t, mode_t mode)
{
	return errint(t.is_open ? fchmod(t.fd, mode & 07777)
				: chmod(posix_proc_path(t.fd).text, mode & 07777));
}

static errint_t change_owner(struct target t, const struct stat *want, unsigned set)
{
	uid_t uid = set & SET_UID ? want->st_uid : (uid_t)-1;
	gid_t gid = set & SET_GID ? want->st_gid : (gid_t)-1;

	return errint(t.is_open ? fchown(t.fd, uid, gid) : fchownat(t.fd, "", uid, gid, AT_EMPTY_PATH));
}

static errint_t change_size(struct target t, off_t size)
{
	if (t.is_open && ftruncate(t.fd, size) == 0)
		return 0;
	if (t.is_open && errno != EINVAL && errno != EBADF)
		return -errno;
	return errint(truncate(posix_proc_path(t.fd).text, size)); /* also if not open for writing */
}

static struct timespec time_for(bool set, bool now, struct timespec wanted)
{
	if (now)
		wanted.tv_nsec = UTIME_NOW;
	else if (!set)
		wanted.tv_nsec = UTIME_OMIT;
	return wanted;
}

static errint_t change_times(struct target t, const struct stat *want, unsigned set)
{
	struct timespec times[2] = {time_for(set & SET_ATIME, set & SET_ATIME_NOW, want->st_atim),
				    time_for(set & SET_MTIME, set & SET_MTIME_NOW, want->st_mtim)};

	return errint(t.is_open ? futimens(t.fd, times) : utimensat(t.fd, "", times, AT_EMPTY_PATH));
}

/* As the VFS for a caller without CAP_FSETID. (security.capability goes by itself.) */
static errint_t drop_privileges(const struct backend *b, struct target t)
{
	struct stat st;
	mode_t bad;

	/* By a chown without effect storage drops bits and capabilities, and sets ctime. */
	if (!b->board)
		return change_owner(t, NULL, 0);
	if (fstat(t.fd, &st) < 0)
		return -errno;
	bad = st.st_mode & (st.st_mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID);
	if (!S_ISREG(st.st_mode) || !bad)
		return 0;
	return change_mode(t, st.st_mode & ~bad);
}

/* Owner before mode, since chown clears mode bits; times last, since a change of size sets them. */
static errint_t apply(const struct backend *b, struct target t, const struct stat *want, unsigned set)
{
	errint_t rc = 0;

	if (set & (SET_UID | SET_GID))
		rc = change_owner(t, want, set);
	if (rc == 0 && (set & SET_SIZE))
		rc = change_size(t, want->st_size);
	if (rc == 0 && (set & SET_MODE))
		rc = change_mode(t, want->st_mode);
	else if (rc == 0 && (set & SET_KILL_PRIV))
		rc = drop_privileges(b, t);
	if (rc == 0 && (set & (SET_ATIME | SET_MTIME | SET_ATIME_NOW | SET_MTIME_NOW)))
		rc = change_times(t, want, set);
	return rc;
}

errint_t posix_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
		       struct stat *st)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	errint_t rc = ref >= 0 ? 0 : posix_reach(b, node, &r);
	struct target t = {ref >= 0 ? ref : r.fd, ref >= 0};

	if (rc == 0)
		rc = apply(b, t, want, set);
	return rc < 0 ? rc : errint(fstat(t.fd, st));
}

ssize_t posix_readlink(struct backend *b, uint32_t node, char *buf, size_t size)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	errint_t rc = posix_reach(b, node, &r);
	ssize_t n;

	if (rc < 0)
		return rc;
	n = readlinkat(r.fd, "", buf, size);
	return n < 0 ? -errno : n;
}

errint_t posix_statfs(struct backend *b, uint32_t node, struct statvfs *st)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	errint_t rc = posix_reach(b, node, &r);

	return rc < 0 ? rc : errint(fstatvfs(r.fd, st));
}
