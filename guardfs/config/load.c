/* load.c: reading guardfs.conf from disk, and refusing one that others could have written. */
#include "config/keys.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define FILE_MAX (1u << 20)

static errint_t refuse(char *error, const char *path, int err)
{
	snprintf(error, CONFIG_ERROR_MAX, "%.400s: %s", path, strerror(err));
	return -err;
}

/* May only root and we change it? In a directory with the sticky bit others can add names, but not replace
 * ours. */
static bool is_private(const struct stat *st)
{
	bool ours = st->st_uid == 0 || st->st_uid == geteuid();
	bool shared = st->st_mode & (S_IWGRP | S_IWOTH);

	if (S_ISLNK(st->st_mode))
		return ours; /* a link's own mode means nothing */
	return ours && (!shared || (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX));
}

static errint_t check_private(const char *path, const struct stat *st, char *error)
{
	if (is_private(st))
		return 0;
	if (st->st_uid != 0 && st->st_uid != geteuid())
		snprintf(error, CONFIG_ERROR_MAX,
			 "%.400s: belongs to user %u, who could change the configuration; chown root it",
			 path, (unsigned)st->st_uid);
	else
		snprintf(error, CONFIG_ERROR_MAX,
			 "%.400s: others can write to it (mode %04o) and so change the configuration; chmod "
			 "go-w it",
			 path, (unsigned)st->st_mode & 07777);
	return -EPERM;
}

/* Checks every directory, symbolic link and file that path goes through; path is absolute. */
static errint_t check_chain(const char *path, char *error)
{
	char part[PATH_MAX];
	size_t n = 0;

	do {
		struct stat st;
		errint_t rc;

		n += strspn(path + n, "/");
		n += strcspn(path + n, "/");
		/* "/" itself comes first, as the prefix of length 1. */
		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		if (lstat(part, &st) < 0)
			return refuse(error, part, errno);
		rc = check_private(part, &st, error);
		if (rc < 0)
			return rc;
	} while (path[n] != '\0');
	return 0;
}

static errint_t check_root(char *error)
{
	struct stat st;

	if (lstat("/", &st) < 0)
		return refuse(error, "/", errno);
	return check_private("/", &st, error);
}

/* Both as it was given, with its links, and as it is without: whoever can change a link can choose the file.
 */
static errint_t check_path(const char *path, char *resolved, char *error)
{
	char absolute[PATH_MAX];
	char *cwd = *path == '/' ? NULL : realpath(".", NULL);
	int n = *path == '/' ? snprintf(absolute, sizeof(absolute), "%s", path)
			     : snprintf(absolute, sizeof(absolute), "%s/%s", cwd ? cwd : "", path);
	errint_t rc;

	free(cwd);
	if (n < 0 || (size_t)n >= sizeof(absolute))
		return refuse(error, path, ENAMETOOLONG);
	if (!realpath(path, resolved))
		return refuse(error, path, errno);
	rc = check_root(error);
	if (rc == 0)
		rc = check_chain(absolute, error);
	return rc == 0 ? check_chain(resolved, error) : rc;
}

/* Reads the open file, which is checked once more: what was looked at by name may have been replaced since.
 */
static ssize_t read_checked(int fd, const char *path, char *text, char *error)
{
	struct stat st;
	size_t used = 0;
	ssize_t r;

	if (fstat(fd, &st) < 0)
		return refuse(error, path, errno);
	if (!S_ISREG(st.st_mode))
		return refuse(error, path, S_ISDIR(st.st_mode) ? EISDIR : EINVAL);
	if (check_private(path, &st, error) < 0)
		return -EPERM;
	while ((r = read(fd, text + used, FILE_MAX + 1 - used)) != 0) {
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return refuse(error, path, errno);
		used += (size_t)r;
		if (used > FILE_MAX)
			return refuse(error, path, EFBIG);
	}
	return (ssize_t)used;
}

errint_t config_load(const char *path, struct config *config, char *error)
{
	CLEANUP_FREE char *text = malloc(FILE_MAX + 1);
	CLEANUP_FD int fd = -1;
	char resolved[PATH_MAX];
	ssize_t n;
	errint_t rc;

	error[0] = '\0';
	if (!text)
		return refuse(error, path, ENOMEM);
	rc = check_path(path, resolved, error);
	if (rc < 0)
		return rc;
	/* O_NONBLOCK: a FIFO in its place must not hold us. */
	fd = open(resolved, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return refuse(error, path, errno);
	n = read_checked(fd, path, text, error);
	if (n < 0)
		return (errint_t)n;
	rc = config_parse(path, text, (size_t)n, config, error);
	if (rc == 0 && copy_string(config->file, sizeof(config->file), resolved) < 0)
		rc = refuse(error, path, ENAMETOOLONG);
	return rc;
}
