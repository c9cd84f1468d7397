/* Opening, creating and releasing files and directories. */
#include "backend/posix.h"

#include <unistd.h>

errint_t posix_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	errint_t rc = posix_reach(b, node, &r);
	int fd;

	if (rc < 0)
		return rc;
	fd = posix_reopen(r.fd, flags);
	if (fd < 0)
		return fd;
	*ref = fd;
	return 0;
}

errint_t posix_opendir(struct backend *b, uint32_t node, int *ref)
{
	return posix_open(b, node, O_RDONLY | O_DIRECTORY, ref);
}

/* Closes fd on error. Only regular files are opened, since only such names are created. */
static errint_t describe_new(struct backend *b, int fd, struct found *found, int *ref)
{
	errint_t rc = posix_of(b)->describe(b, fd, "", found);

	if (rc == 0 && !S_ISREG(found->st.st_mode))
		rc = -ESTALE;
	if (rc < 0)
		close(fd);
	else
		*ref = fd;
	return rc;
}

/* settled: surely new, so its owner may be set. */
static errint_t create_in(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
			  const struct caller *c, bool settled, struct found *found, int *ref)
{
	const struct posix *p = posix_of(b);
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	errint_t rc = posix_reach(b, parent, &dir);
	int fd;

	if (rc < 0)
		return rc;
	p->enter(b, c, &mode);
	do
		fd = openat(dir.fd, name, flags, mode & 07777);
	while (fd < 0 && nodefd_shed(errno));
	rc = errint(fd);
	p->leave(b, c);
	if (rc < 0)
		return rc;
	if (p->settle && settled)
		p->settle(b, dir.fd, name, fd, mode | S_IFREG, c);
	return describe_new(b, fd, found, ref);
}

/* Without O_EXCL nobody knows whether the file is new and needs an owner: where that matters O_EXCL comes first. */
errint_t posix_create(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
		      const struct caller *c, struct found *found, int *ref)
{
	int plain = posix_open_flags(flags) | O_NOFOLLOW | O_CREAT;
	errint_t rc;

	if (!(flags & O_EXCL) && !posix_of(b)->settle)
		return create_in(b, parent, name, plain, mode, c, false, found, ref);
	rc = create_in(b, parent, name, plain | O_EXCL, mode, c, true, found, ref);
	if (rc == -EEXIST && !(flags & O_EXCL))
		rc = create_in(b, parent, name, plain, mode, c, false, found, ref);
	return rc;
}

errint_t posix_tmpfile(struct backend *b, uint32_t parent, int flags, mode_t mode, const struct caller *c,
		       struct found *found, int *ref)
{
	return create_in(b, parent, ".", posix_open_flags(flags) | O_TMPFILE | (flags & O_EXCL), mode, c,
			 true, found, ref);
}

errint_t posix_reopen_ref(struct backend *b, uint32_t node, int ref, int flags, int *again)
{
	int fd = posix_reopen(ref, flags);

	(void)b;
	(void)node;
	if (fd < 0)
		return fd == -ENOENT || fd == -ESTALE ? -EIO : fd;
	*again = fd;
	return 0;
}

errint_t posix_release(struct backend *b, int ref)
{
	(void)b;
	return errint(close(ref));
}

/* Its mount is gone. */
void posix_drop(struct backend *b, int ref)
{
	(void)b;
	close(ref);
}
