/* A directory's steps. Calls may hang: the child is killed. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static enum diagnose_outcome step_failed(struct diagnose_run *run, const char *what, int err)
{
	return diagnose_fail(run, diagnose_errno_class(err), "%s: %s", what, strerror(err));
}

enum diagnose_outcome diagnose_directory_config(struct diagnose_run *run)
{
	if (run->backend->path[0] != '/')
		return diagnose_fail(run, ERRCLASS_CONFIG, "path '%s' is not absolute", run->backend->path);
	return DIAGNOSE_PASSED;
}

enum diagnose_outcome diagnose_directory_path(struct diagnose_run *run)
{
	const char *path = run->backend->path;
	struct stat st;

	diagnose_waiting(run, "looking at %s", path);
	if (stat(path, &st) < 0)
		return step_failed(run, path, errno);
	if (!S_ISDIR(st.st_mode))
		return diagnose_fail(run, ERRCLASS_PATH_MISSING, "%s is not a directory", path);
	return DIAGNOSE_PASSED;
}

enum diagnose_outcome diagnose_directory_space(struct diagnose_run *run)
{
	struct sftp_statvfs space;
	struct statvfs s;
	enum errclass class;
	const char *why;

	diagnose_waiting(run, "free space of %s", run->backend->path);
	if (statvfs(run->backend->path, &s) < 0)
		return step_failed(run, run->backend->path, errno);
	space = (struct sftp_statvfs){.blocks = s.f_blocks,
				      .available_blocks = s.f_bavail,
				      .files = s.f_files,
				      .available_files = s.f_favail,
				      .flags = s.f_flag & ST_RDONLY ? SFTP_STATVFS_READ_ONLY : 0};
	class = diagnose_space_class(&space, &why);
	return class == ERRCLASS_NONE ? DIAGNOSE_PASSED : diagnose_fail(run, class, "%s", why);
}

/* 0 or -errno. */
static errint_t write_canary(const char *path)
{
	static const char block[2048] = "guardfs canary\n";
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	errint_t rc;

	if (fd < 0)
		return -errno;
	rc = fd_write_all(fd, block, sizeof(block));
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(path);
	return rc;
}

enum diagnose_outcome diagnose_directory_write(struct diagnose_run *run)
{
	char name[DIAGNOSE_CANARY_MAX], path[CONFIG_PATH_MAX + DIAGNOSE_CANARY_MAX];
	errint_t rc;

	if (!run->write)
		return DIAGNOSE_SKIPPED;
	diagnose_canary_name(name);
	snprintf(path, sizeof(path), "%s/%s", run->backend->path, name);
	diagnose_waiting(run, "writing %s", path);
	rc = write_canary(path);
	if (rc == -EACCES || rc == -EPERM)
		return diagnose_fail(run, ERRCLASS_READ_ONLY, "%s: %s", path, strerror(-rc));
	if (rc < 0)
		return step_failed(run, path, -rc);
	if (unlink(path) < 0)
		return step_failed(run, path, errno);
	return DIAGNOSE_PASSED;
}
