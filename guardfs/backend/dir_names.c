/* Does a name exist? Asks the server: the kernel (for the mount beneath) and sshfs may remember
 * a name that another client has removed.
 *
 * The kernel looks anew when something is to be made there. sshfs forgets a name on a failed open, else with time,
 * and caches no statvfs. */
#include "backend/dir.h"
#include "base/cleanup.h"
#include "policy/errclass.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* How long sshfs shows a removed directory. */
#define PAUSE_NS   (100 * 1000 * 1000L)
#define PAUSES_MAX 25

static bool is_missing(errint_t rc)
{
	return rc == -ENOENT || rc == -ESTALE;
}

/* By asking for what SFTP cannot make. Does the name exist? -errno: the server could not be asked. */
static errint_t is_found_anew(int dirfd, const char *name)
{
	errint_t rc = errint(mknodat(dirfd, name, S_IFIFO | S_IRUSR, 0));

	if (rc == 0 || rc == -EPERM)
		return 0;
	if (rc == -EEXIST)
		return 1;
	return errclass_info(errclass_from_errno((int)-rc))->infrastructure ? rc : 0;
}

void dir_forget_name(struct backend *b, uint32_t node)
{
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	char name[NAME_LENGTH_MAX + 1];

	if (b->config->type == BACKEND_SSHFS && dir_reach_parent(b, node, &dir, name) == 0)
		(void)is_found_anew(dir.fd, name);
}

/* A file that cannot be opened exists too; its attributes are the remembered ones. */
static errint_t find_file(struct backend *b, int dirfd, const char *name, struct found *found)
{
	CLEANUP_FD int fd = openat(dirfd, name, posix_open_flags(O_RDONLY) | O_NOFOLLOW);
	errint_t rc;

	if (fd >= 0) {
		rc = dir_look(b, NODE_NONE, fd, &found->st);
		return rc == BACKEND_NODE_GONE ? -ENOENT : rc;
	}
	if (!is_missing(-errno))
		return 0;
	rc = is_found_anew(dirfd, name);
	if (rc > 0)
		return posix_of(b)->describe(b, dirfd, name, found);
	return rc < 0 ? rc : -ENOENT;
}

/* Removed only when nothing remembers the directory: it may be made at once. */
static errint_t find_directory(int dirfd, const char *name)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	struct statvfs st;
	errint_t anew;

	if (fd >= 0 && (fstatvfs(fd, &st) == 0 || !is_missing(-errno)))
		return 0;
	for (unsigned pauses = 0; (anew = is_found_anew(dirfd, name)) > 0 && pauses < PAUSES_MAX; pauses++)
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
	return anew < 0 ? anew : -ENOENT;
}

errint_t dir_find(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	errint_t rc = dir_reach(b, parent, &dir);

	if (rc == 0)
		rc = posix_of(b)->describe(b, dir.fd, name, found);
	if (rc == 0 && b->config->type == BACKEND_SSHFS && S_ISREG(found->st.st_mode))
		rc = find_file(b, dir.fd, name, found);
	else if (rc == 0 && b->config->type == BACKEND_SSHFS && S_ISDIR(found->st.st_mode))
		rc = find_directory(dir.fd, name);
	return dir_mend(b, parent, rc);
}
