/* Reads guardfs.conf, and refuses one that others could write. */
#include "config/keys.h"
#include "base/cleanup.h"
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define FILE_MAX (1u << 20)

static errint_t refuse_file(char *error, const char *path, int err)
{
	snprintf(error, CONFIG_ERROR_MAX, "%.400s: %s", path, strerror(err));
	return -err;
}

static errint_t refuse_flaw(char *error, const struct trust_flaw *flaw)
{
	struct stat st;

	if (flaw->kind == TRUST_MISSING)
		return refuse_file(error, flaw->part, flaw->error);
	/* A user's home is rightly the user's. */
	if (flaw->kind == TRUST_FOREIGN && stat(flaw->part, &st) == 0 && S_ISDIR(st.st_mode))
		snprintf(
		    error, CONFIG_ERROR_MAX,
		    "%.300s: belongs to user %u, who could put another configuration there; keep it where "
		    "only root can write, as in /etc/guardfs",
		    flaw->part, (unsigned)flaw->owner);
	else if (flaw->kind == TRUST_FOREIGN)
		snprintf(error, CONFIG_ERROR_MAX,
			 "%.400s: belongs to user %u, who could change the configuration; chown root it",
			 flaw->part, (unsigned)flaw->owner);
	else
		snprintf(error, CONFIG_ERROR_MAX,
			 "%.400s: others can write to it (mode %04o) and so change the configuration; chmod "
			 "go-w it",
			 flaw->part, (unsigned)flaw->mode);
	return -EPERM;
}

static errint_t check_path(const char *path, char *resolved, char *error)
{
	char absolute[PATH_MAX];
	char *cwd = *path == '/' ? NULL : realpath(".", NULL);
	int n = *path == '/' ? snprintf(absolute, sizeof(absolute), "%s", path)
			     : snprintf(absolute, sizeof(absolute), "%s/%s", cwd ? cwd : "", path);
	struct trust_flaw flaw;

	free(cwd);
	if (n < 0 || (size_t)n >= sizeof(absolute))
		return refuse_file(error, path, ENAMETOOLONG);
	if (trust_path(absolute, geteuid(), TRUST_STICKY, resolved, &flaw) == 0)
		return 0;
	/* Named as by the caller. */
	if (flaw.kind == TRUST_MISSING && strcmp(flaw.part, absolute) == 0)
		return refuse_file(error, path, flaw.error);
	return refuse_flaw(error, &flaw);
}

/* Checks the open file: its name may lead elsewhere by now. */
static ssize_t read_checked(int fd, const char *path, char *text, char *error)
{
	struct trust_flaw flaw;
	struct stat st;
	size_t used = 0;
	ssize_t r;

	if (fstat(fd, &st) < 0)
		return refuse_file(error, path, errno);
	if (!S_ISREG(st.st_mode))
		return refuse_file(error, path, S_ISDIR(st.st_mode) ? EISDIR : EINVAL);
	if (trust_status(&st, path, geteuid(), TRUST_STICKY, &flaw) < 0)
		return refuse_flaw(error, &flaw);
	while ((r = read(fd, text + used, FILE_MAX + 1 - used)) != 0) {
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return refuse_file(error, path, errno);
		used += (size_t)r;
		if (used > FILE_MAX)
			return refuse_file(error, path, EFBIG);
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
		return refuse_file(error, path, ENOMEM);
	rc = check_path(path, resolved, error);
	if (rc < 0)
		return rc;
	/* O_NONBLOCK: a FIFO must not hold guardfs. */
	fd = open(resolved, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return refuse_file(error, path, errno);
	n = read_checked(fd, path, text, error);
	if (n < 0)
		return (errint_t)n;
	rc = config_parse(path, text, (size_t)n, config, error);
	if (rc == 0 && copy_string(config->file, sizeof(config->file), resolved) < 0)
		rc = refuse_file(error, path, ENAMETOOLONG);
	return rc;
}
