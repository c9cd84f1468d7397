/* dir_names.c: whether a name is there, asked of the server and not of what remembers it. See dir.h.
 *
 * Two caches lie between here and the server: the kernel's, of the mount beneath, and sshfs's own. Another
 * client may have removed a name that both still have: nothing could be made under it. The kernel looks a
 * name up anew when something is to be made there (an exclusive create, mkdir, mknod), whatever it remembers.
 * sshfs forgets a name when it is opened in vain, and learns it when it is opened; else only with time
 * (sshfs-compat/options.c). statvfs it remembers nothing of. */
#include "backend/dir.h"
#include "base/cleanup.h"

#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* How long sshfs shows a directory that is no more, in pauses between two looks. */
#define PAUSE_NS   (100 * 1000 * 1000L)
#define PAUSES_MAX 25

static bool is_missing(errint_t rc)
{
	return rc == -ENOENT || rc == -ESTALE;
}

/* Has the kernel look the name up anew. SFTP cannot make what is asked for here, and sshfs knows. Returns
 * whether the name is still there. */
static bool is_found_anew(int dirfd, const char *name)
{
	return mknodat(dirfd, name, S_IFIFO | S_IRUSR, 0) < 0 && errno == EEXIST;
}

void dir_forget_name(struct backend *b, uint32_t node)
{
	CLEANUP_REACHED struct reached dir = REACHED_NONE;
	char name[NAME_LENGTH_MAX + 1];

	if (b->config->type == BACKEND_SSHFS && dir_reach_parent(b, node, &dir, name) == 0)
		(void)is_found_anew(dir.fd, name);
}

/* What cannot be opened is there all the same, with attributes as they are remembered. */
static errint_t find_file(struct backend *b, int dirfd, const char *name, struct found *found)
{
	CLEANUP_FD int fd = openat(dirfd, name, posix_open_flags(O_RDONLY) | O_NOFOLLOW);

	if (fd >= 0)
		return dir_look(b, NODE_NONE, fd, &found->st) == 0 ? 0 : -ENOENT;
	if (!is_missing(-errno))
		return 0;
	return is_found_anew(dirfd, name) ? posix_of(b)->describe(b, dirfd, name, found) : -ENOENT;
}

/* A directory that is no more is not told of before nothing remembers it: it may be made the moment after. */
static errint_t find_directory(int dirfd, const char *name)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	struct statvfs st;

	if (fd >= 0 && (fstatvfs(fd, &st) == 0 || !is_missing(-errno)))
		return 0;
	for (unsigned pauses = 0; is_found_anew(dirfd, name) && pauses < PAUSES_MAX; pauses++)
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
	return -ENOENT;
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
