/* Making and removing names. */
#include "backend/posix.h"

#include <stdio.h>
#include <unistd.h>

struct making {
	mode_t mode;
	dev_t rdev;
	const char *target;
};

static errint_t make_one(int dirfd, const char *name, const struct making *m, mode_t mode)
{
	if (S_ISDIR(m->mode))
		return errint(mkdirat(dirfd, name, mode & 07777));
	if (S_ISLNK(m->mode))
		return errint(symlinkat(m->target, dirfd, name));
	return errint(mknodat(dirfd, name, mode, m->rdev));
}

static errint_t make_entry(struct backend *b, uint32_t parent, const char *name, const struct making *m,
			   const struct caller *c, struct found *found)
{
	const struct posix *p = posix_of(b);
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	errint_t rc = posix_reach(b, parent, &dir);
	mode_t mode = m->mode;

	if (rc < 0)
		return rc;
	p->enter(b, c, &mode);
	rc = make_one(dir.fd, name, m, mode);
	p->leave(b, c);
	if (rc < 0)
		return rc;
	if (p->settle)
		p->settle(b, dir.fd, name, -1, mode, c);
	return p->describe(b, dir.fd, name, found);
}

errint_t posix_mkdir(struct backend *b, uint32_t parent, const char *name, mode_t mode,
		     const struct caller *c, struct found *found)
{
	struct making m = {.mode = S_IFDIR | (mode & 07777)};

	return make_entry(b, parent, name, &m, c, found);
}

errint_t posix_mknod(struct backend *b, uint32_t parent, const char *name, mode_t mode, dev_t rdev,
		     const struct caller *c, struct found *found)
{
	struct making m = {.mode = mode & S_IFMT ? mode : S_IFREG | mode, .rdev = rdev};

	if (S_ISDIR(mode) || S_ISLNK(mode))
		return -EINVAL;
	return make_entry(b, parent, name, &m, c, found);
}

errint_t posix_symlink(struct backend *b, const char *target, uint32_t parent, const char *name,
		       const struct caller *c, struct found *found)
{
	struct making m = {.mode = S_IFLNK | 0777, .target = target};

	return make_entry(b, parent, name, &m, c, found);
}

errint_t posix_link(struct backend *b, uint32_t node, uint32_t parent, const char *name, struct found *found)
{
	CLEANUP_REACHED struct reached file = REACHED_NONE;
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	errint_t rc = posix_reach(b, node, &file);

	if (rc == 0)
		rc = posix_reach(b, parent, &dir);
	if (rc == 0)
		rc = errint(linkat(file.fd, "", dir.fd, name, AT_EMPTY_PATH));
	return rc < 0 ? rc : posix_of(b)->describe(b, dir.fd, name, found);
}

static errint_t take_away(struct backend *b, uint32_t parent, const char *name, int flags)
{
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	errint_t rc = posix_reach(b, parent, &dir);

	return rc < 0 ? rc : errint(unlinkat(dir.fd, name, flags));
}

errint_t posix_unlink(struct backend *b, uint32_t parent, const char *name)
{
	return take_away(b, parent, name, 0);
}

errint_t posix_rmdir(struct backend *b, uint32_t parent, const char *name, bool holds_removed)
{
	(void)holds_removed;
	return take_away(b, parent, name, AT_REMOVEDIR);
}

errint_t posix_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
		      const char *newname, unsigned flags)
{
	CLEANUP_REACHED struct reached from = REACHED_NONE;
	CLEANUP_REACHED struct reached to = REACHED_NONE;
	errint_t rc = posix_reach(b, parent, &from);

	if (rc == 0)
		rc = posix_reach(b, newparent, &to);
	return rc < 0 ? rc : errint(renameat2(from.fd, name, to.fd, newname, flags));
}
