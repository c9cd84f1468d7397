#include "control/endpoint.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#define BACKLOG	 32
#define NEW_NAME ".new"

struct place {
	int dir;
	const char *name;
};

static errint_t place_find(const char *path, struct place *place)
{
	const char *slash = strrchr(path, '/');
	char directory[4096];

	if (!slash || slash[1] == '\0')
		return -EINVAL;
	if (snprintf(directory, sizeof(directory), "%.*s/", (int)(slash - path), path) >=
	    (int)sizeof(directory))
		return -ENAMETOOLONG;
	place->name = slash + 1;
	place->dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return place->dir < 0 ? -errno : 0;
}

static errint_t make_address(struct sockaddr_un *address, int dir, const char *name)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", dir, name) >=
	    (int)sizeof(address->sun_path))
		return -ENAMETOOLONG;
	return 0;
}

/* Mode and group precede listen(2), hence the first client. */
static errint_t bind_and_listen(int fd, int dir, const char *name, gid_t group)
{
	bool shared = group != (gid_t)-1;
	struct sockaddr_un address;
	errint_t err = make_address(&address, dir, name);

	if (err)
		return err;
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -errno;
	if ((shared && fchownat(dir, name, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW) != 0) ||
	    fchmodat(dir, name, shared ? 0660 : 0600, 0) != 0 || listen(fd, BACKLOG) != 0)
		err = -errno;
	if (err)
		unlinkat(dir, name, 0);
	return err;
}

static errint_t check_replaceable(const struct place *place)
{
	struct stat st;

	if (fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISSOCK(st.st_mode) ? 0 : -EEXIST;
}

static errint_t listen_at(int fd, const struct place *place, gid_t group, ino_t *inode)
{
	char name[256];
	struct stat st;
	errint_t err = check_replaceable(place);

	if (err)
		return err;
	if (snprintf(name, sizeof(name), "%s" NEW_NAME, place->name) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	err = bind_and_listen(fd, place->dir, name, group);
	if (err)
		return err;
	if (fstatat(place->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    renameat(place->dir, name, place->dir, place->name) != 0) {
		err = -errno;
		unlinkat(place->dir, name, 0);
		return err;
	}
	*inode = st.st_ino;
	return 0;
}

int endpoint_listen(const char *path, gid_t group, ino_t *inode)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct place place = {.dir = -1};
	errint_t err;
	int result;

	if (fd < 0)
		return -errno;
	err = place_find(path, &place);
	if (err)
		return err;
	err = listen_at(fd, &place, group, inode);
	close(place.dir);
	if (err)
		return err;
	result = fd;
	fd = -1;
	return result;
}

void endpoint_remove(const char *path, ino_t inode)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == inode)
		unlink(path);
}

int endpoint_connect(const char *directory, const char *name, uint32_t timeout_ms)
{
	CLEANUP_FD int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 + 1};
	struct sockaddr_un address;
	errint_t err;
	int fd;

	if (dir < 0)
		return -errno;
	err = make_address(&address, dir, name);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		err = errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* -ENOENT: not a member. */
static errint_t find_group(int fd, gid_t group)
{
	socklen_t size = 0;
	CLEANUP_FREE gid_t *groups = NULL;

	/* If there is no room the kernel tells how much it needs. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) != 0 && errno != ERANGE)
		return -errno;
	if (size == 0)
		return -ENOENT;
	groups = malloc(size);
	if (!groups)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		return -errno;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == group)
			return 0;
	return -ENOENT;
}

errint_t endpoint_peer(int fd, gid_t group, struct endpoint_peer *peer)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);
	errint_t err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
		return -errno;
	*peer =
	    (struct endpoint_peer){.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid};
	if (group == (gid_t)-1)
		return 0;
	peer->in_group = credentials.gid == group;
	if (!peer->in_group) {
		err = find_group(fd, group);
		peer->in_group = err == 0;
	}
	return err == -ENOENT ? 0 : err;
}
