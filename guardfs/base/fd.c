#include "base/fd.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

errint_t fd_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

errint_t fd_size_now(int fd, off_t *size)
{
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_SIZE, &x) < 0)
		return -errno;
	*size = (off_t)x.stx_size;
	return 0;
}

ssize_t fd_read_file(const char *path, char *buf, size_t size)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t used = 0;

	if (fd < 0)
		return -errno;
	while (used < size) {
		ssize_t r = read(fd, buf + used, size - used);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		used += (size_t)r;
	}
	if (used == size)
		return -EFBIG;
	buf[used] = '\0';
	return (ssize_t)used;
}

errint_t fd_write_atomic(const char *path, const void *data, size_t n, mode_t mode, bool sync)
{
	char tmp[PATH_MAX];
	int rc, len;

	len = snprintf(tmp, sizeof(tmp), "%s.tmp.%d", path, (int)getpid());
	if (len < 0 || (size_t)len >= sizeof(tmp))
		return -ENAMETOOLONG;
	{
		CLEANUP_FD int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

		if (fd < 0)
			return -errno;
		rc = fd_write_all(fd, data, n);
		if (rc == 0 && fchmod(fd, mode) < 0)
			rc = -errno;
		if (rc == 0 && sync && fsync(fd) < 0)
			rc = -errno;
	}
	if (rc == 0 && rename(tmp, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(tmp);
	return rc;
}

#define LEFTOVER ".tmp."

/* Pid in a temporary file's name beside base ("": any). 0: no leftover. */
static pid_t leftover_of(const char *name, const char *base)
{
	const char *tail = strstr(name, LEFTOVER), *next;
	size_t n = strlen(base);

	while (tail && (next = strstr(tail + 1, LEFTOVER)))
		tail = next;
	if (!tail || tail == name || (n && (strncmp(name, base, n) != 0 || name + n != tail)))
		return 0;
	tail += sizeof(LEFTOVER) - 1;
	if (!*tail || tail[strspn(tail, "0123456789")] || strlen(tail) > 9)
		return 0;
	return (pid_t)atoi(tail);
}

void fd_remove_leftovers(const char *path, bool alone)
{
	char directory[PATH_MAX];
	const char *base = strrchr(path, '/');
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *d;

	if (!base || copy_string(directory, sizeof(directory), path) < 0)
		return;
	base++;
	directory[base - path] = '\0';
	dir = opendir(directory);
	while (dir && (d = readdir(dir))) {
		pid_t pid = leftover_of(d->d_name, base);

		if (pid > 0 && (alone || pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH)))
			unlinkat(dirfd(dir), d->d_name, 0);
	}
}

errint_t fd_mkdir_parents(const char *path, mode_t mode)
{
	char buf[PATH_MAX];
	errint_t rc = copy_string(buf, sizeof(buf), path);

	if (rc < 0)
		return rc;
	for (char *p = buf + 1; buf[0]; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char saved = *p;

		*p = '\0';
		if (mkdir(buf, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = saved;
		if (saved == '\0')
			break;
	}
	return 0;
}

/* openat2(2) has no wrapper yet. */
int fd_open_beneath(int dir, const char *path, int flags, bool same_mount)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)flags,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
					  (same_mount ? RESOLVE_NO_XDEV : 0ull)};
	long fd = syscall(SYS_openat2, dir, path[0] ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static errint_t send_message(int sock, const void *data, size_t n, int passed_fd, int flags)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	if (passed_fd >= 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed_fd, sizeof(int));
	}
	do
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

errint_t fd_send_message(int sock, const void *data, size_t n, int passed_fd)
{
	return send_message(sock, data, n, passed_fd, 0);
}

errint_t fd_offer_message(int sock, const void *data, size_t n, int passed_fd)
{
	return send_message(sock, data, n, passed_fd, MSG_DONTWAIT);
}

ssize_t fd_receive_message(int sock, void *data, size_t size, int *passed_fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.space,
			     .msg_controllen = sizeof(control.space)};
	ssize_t got;

	*passed_fd = -1;
	do
		got = recvmsg(sock, &msg, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(passed_fd, CMSG_DATA(c), sizeof(int));
	if (msg.msg_flags & MSG_TRUNC) {
		if (*passed_fd >= 0)
			close(*passed_fd);
		*passed_fd = -1;
		return -EMSGSIZE;
	}
	return got;
}
