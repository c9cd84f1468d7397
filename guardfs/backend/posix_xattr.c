/* Extended attributes, POSIX ACLs (raw) among them. Through /proc/self/fd, which leads to the
 * object itself, even a symlink. */
#include "backend/posix.h"

#include <sys/xattr.h>

ssize_t posix_getxattr(struct backend *b, uint32_t node, const char *name, void *value, size_t size)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	errint_t rc = posix_reach(b, node, &r);
	ssize_t n;

	if (rc < 0)
		return rc;
	n = getxattr(posix_proc_path(r.fd).text, name, value, size);
	return n < 0 ? -errno : n;
}

errint_t posix_setxattr(struct backend *b, uint32_t node, const char *name, const void *value, size_t size,
			int flags)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	errint_t rc = posix_reach(b, node, &r);

	return rc < 0 ? rc : errint(setxattr(posix_proc_path(r.fd).text, name, value, size, flags));
}

ssize_t posix_listxattr(struct backend *b, uint32_t node, char *list, size_t size)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	errint_t rc = posix_reach(b, node, &r);
	ssize_t n;

	if (rc < 0)
		return rc;
	n = listxattr(posix_proc_path(r.fd).text, list, size);
	return n < 0 ? -errno : n;
}

errint_t posix_removexattr(struct backend *b, uint32_t node, const char *name)
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	errint_t rc = posix_reach(b, node, &r);

	return rc < 0 ? rc : errint(removexattr(posix_proc_path(r.fd).text, name));
}
