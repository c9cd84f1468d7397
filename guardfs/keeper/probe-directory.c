/* Storage that is a directory: dir, and sshfs at its mount. */
#include "keeper/probe-child.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static bool open_directory(struct probe_run *run)
{
	run->root = open(run->job->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (run->root < 0)
		return probe_fail(run, ERRCLASS_NONE, errno, ERRCLASS_PATH_MISSING, "%s: %s", run->job->path,
				  strerror(errno));
	return true;
}

/* Of the mount below an O_PATH descriptor, without asking the storage. */
static errint_t mount_id_of(int fd, uint32_t *id)
{
	char path[48], text[512];
	const char *line;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (fd_read_file(path, text, sizeof(text)) < 0)
		return -EIO;
	line = strstr(text, "mnt_id:");
	return line && sscanf(line, "mnt_id: %" SCNu32, id) == 1 ? 0 : -EIO;
}

static bool look_at_directory(struct probe_run *run)
{
	struct stat st;
	errint_t rc = mount_id_of(run->root, &run->found.mount_id);

	if (rc < 0)
		return probe_fail(run, ERRCLASS_NOT_CONNECTED, -rc, ERRCLASS_NOT_CONNECTED,
				  "the mount at %s is gone", run->job->path);
	/* The descriptor came from a cache; fstat asks the server. */
	if (fstat(run->root, &st) < 0)
		return probe_fail(run, ERRCLASS_NONE, errno,
				  errno == ENOENT ? ERRCLASS_PATH_MISSING : ERRCLASS_IO_ERROR,
				  "the root at %s: %s", run->job->path, strerror(errno));
	run->found.major = major(st.st_dev);
	run->found.minor = minor(st.st_dev);
	run->found.ino = st.st_ino;
	return true;
}

static const char *path_or_dot(const char *path)
{
	return path[0] ? path : ".";
}

/* The kernel's cached attributes are not believed. */
static int look_in_directory(const struct probe_run *run, const char *path, unsigned *type)
{
	struct statx sx;

	if (statx(run->root, path,
		  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC | (path[0] ? 0 : AT_EMPTY_PATH),
		  STATX_TYPE, &sx) < 0)
		return errno;
	*type = sx.stx_mode & S_IFMT;
	return 0;
}

/* For seconds after the directory is gone sshfs answers stat and listing from its cache; statvfs by path goes to
 * the server. A server without figures is no reason. */
static int look_past_caches(const struct probe_run *run, const char *path)
{
	CLEANUP_FD int fd =
	    openat(run->root, path_or_dot(path), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statvfs s;

	if (fd < 0)
		return errno;
	return fstatvfs(fd, &s) < 0 && errno != ENOSYS && errno != EOPNOTSUPP ? errno : 0;
}

static int list_in_directory(const struct probe_run *run, const char *path, probe_entry_fn emit, void *arg)
{
	CLEANUP_DIR DIR *dir = NULL;
	int fd = openat(run->root, path_or_dot(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *e;

	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir)
		return errno;
	errno = 0;
	while ((e = readdir(dir)) && emit(arg, e->d_name, e->d_type))
		errno = 0;
	return e ? 0 : errno;
}

static int figures_of_directory(const struct probe_run *run, struct statvfs *figures)
{
	return fstatvfs(run->root, figures) < 0 ? errno : 0;
}

static ssize_t read_in_directory(const struct probe_run *run, const char *name, void *bytes, size_t size)
{
	CLEANUP_FD int fd =
	    openat(run->root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	off_t end;
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, size);

	/* sshfs reports a failed read as end of file: an empty result is not believed. */
	if (n == 0 && (fd_size_now(fd, &end) < 0 || end > 0))
		return -EIO;
	return n < 0 ? -errno : n;
}

static int sync_file(int fd)
{
	return fsync(fd) < 0 && errno != EINVAL && errno != ENOSYS ? errno : 0;
}

static int write_in_directory(const struct probe_run *run, const char *name, const void *bytes, size_t n,
			      unsigned mode)
{
	CLEANUP_FD int fd =
	    openat(run->root, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode);
	errint_t rc;
	int error;

	if (fd < 0)
		return errno;
	rc = fd_write_all(fd, bytes, n);
	error = rc < 0 ? (int)-rc : sync_file(fd);
	if (error)
		unlinkat(run->root, name, 0);
	return error;
}

static int remove_in_directory(const struct probe_run *run, const char *name)
{
	return unlinkat(run->root, name, 0) < 0 ? errno : 0;
}

const struct probe_storage probe_directory = {.open_root = open_directory,
					      .look_at_root = look_at_directory,
					      .look = look_in_directory,
					      .look_twice = look_past_caches,
					      .list = list_in_directory,
					      .figures = figures_of_directory,
					      .read_file = read_in_directory,
					      .write_file = write_in_directory,
					      .remove_file = remove_in_directory};
