/* Reaching nodes, and lookup. */
#include "backend/posix.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void posix_leave(struct reached *r)
{
	if (r->fd < 0)
		return;
	if (r->kind == REACHED_PINNED)
		nodefd_unpin(r->arena, r->node);
	else if (r->kind == REACHED_OWN)
		close(r->fd);
	r->fd = -1;
}

void posix_keep(struct backend *b, uint32_t node, uint32_t epoch, int fd, struct reached *r)
{
	bool cached = nodefd_adopt(b->arena, node, epoch, fd);

	*r = (struct reached){b->arena, node, fd, cached ? REACHED_PINNED : REACHED_OWN};
}

struct proc_path posix_proc_path(int fd)
{
	struct proc_path path;

	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

uint32_t posix_mount_of(int fd)
{
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &x) < 0)
		return 0;
	if (x.stx_mask & STATX_MNT_ID)
		return (uint32_t)x.stx_mnt_id;
	return x.stx_dev_major << 20 | x.stx_dev_minor;
}

/* O_NONBLOCK: opening must not wait for an object that replaced a regular file. */
int posix_open_flags(int flags)
{
	flags &= ~(O_DIRECT | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_PATH | O_ASYNC);
	return flags | O_NOCTTY | O_NONBLOCK;
}

int posix_reopen(int fd, int flags)
{
	int opened;

	do {
		if (flags & O_DIRECTORY)
			opened = openat(fd, ".", posix_open_flags(flags));
		else
			opened = open(posix_proc_path(fd).text, posix_open_flags(flags));
	} while (opened < 0 && nodefd_shed(errno));
	return opened < 0 ? -errno : opened;
}

errint_t posix_lookup(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	errint_t rc = posix_reach(b, parent, &dir);

	return rc < 0 ? rc : posix_of(b)->describe(b, dir.fd, name, found);
}
