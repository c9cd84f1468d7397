/* Copies the whole part. */
#include "verify/verify.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

/* *name: the last part. -errno. */
static int open_directory_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd;

	*name = slash ? slash + 1 : path;
	if (!**name || strlen(path) >= sizeof(dir))
		return **name ? -ENAMETOOLONG : -EISDIR;
	memcpy(dir, path, (size_t)(*name - path));
	dir[*name - path] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static errint_t copy_bytes(int from, int to, uint64_t n, const struct verify_options *o)
{
	CLEANUP_FREE unsigned char *buf = malloc(VERIFY_CHUNK);
	uint64_t done = 0;

	if (!buf)
		return -ENOMEM;
	while (done < n) {
		struct verify_progress progress = {.done = done, .size = n};
		ssize_t got = pread(from, buf, (size_t)MIN(n - done, (uint64_t)VERIFY_CHUNK), (off_t)done);
		errint_t err;

		if (o->go_on && !o->go_on(o->context, &progress))
			return -ECANCELED;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EAGAIN;
		err = fd_write_all(to, buf, (size_t)got);
		if (err)
			return err;
		done += (uint64_t)got;
	}
	return 0;
}

/* As storage has it. */
static errint_t verify_copy(int fd, const struct verify_options *o)
{
	struct verify_options options = *o;
	struct verify_result result;
	errint_t err;

	options.from = options.min_size = options.max_size = 0;
	options.fresh = true;
	err = verify_file(fd, &options, &result);
	if (err)
		return err;
	return result.verdict == VERIFY_WHOLE ? 0 : -EIO;
}

/* Never replaces a file; by a link if rename cannot. */
static errint_t give_name(int dir, const char *temporary, const char *name)
{
	if (renameat2(dir, temporary, dir, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -errno;
	if (linkat(dir, temporary, dir, name, 0) < 0)
		return -errno;
	(void)unlinkat(dir, temporary, 0);
	return 0;
}

static errint_t make_copy(int fd, int dir, const char *temporary, const char *name,
			  const struct verify_options *options, uint64_t n)
{
	CLEANUP_FD int copy =
	    openat(dir, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	errint_t err;

	if (copy < 0)
		return -errno;
	err = fstat(fd, &st) < 0 ? -errno : copy_bytes(fd, copy, n, options);
	if (!err && (fchmod(copy, st.st_mode & 0777) < 0 || fsync(copy) < 0))
		err = -errno;
	if (!err)
		err = verify_copy(copy, options);
	if (!err)
		err = give_name(dir, temporary, name);
	if (err)
		(void)unlinkat(dir, temporary, 0);
	else if (fsync(dir) < 0 && errno != EINVAL)
		err = -errno;
	return err;
}

static errint_t may_be_repaired(const struct verify_result *result)
{
	switch (result->verdict) {
	case VERIFY_WHOLE:
		return -EALREADY;
	case VERIFY_CHANGED:
	case VERIFY_UNKNOWN:
		return -EAGAIN;
	default:
		return result->kind == VERIFY_DATA || result->whole_to == 0 ? -ENODATA : 0;
	}
}

errint_t verify_repair(int fd, const struct verify_options *options, const struct verify_result *result,
		       const char *path)
{
	errint_t err = may_be_repaired(result);
	char temporary[NAME_MAX + 1];
	CLEANUP_FD int dir = -1;
	const char *name;
	struct stat st;

	if (err)
		return err;
	dir = open_directory_of(path, &name);
	if (dir < 0)
		return dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (errno != ENOENT)
		return -errno;
	snprintf(temporary, sizeof(temporary), ".guardfs-verify.%ld.tmp", (long)getpid());
	return make_copy(fd, dir, temporary, name, options, result->whole_to);
}
