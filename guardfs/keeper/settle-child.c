#include "keeper/settle-child.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int openat2_beneath(int dir, const char *path, uint64_t flags)
{
	const struct open_how how = {.flags = flags | O_CLOEXEC | O_NOFOLLOW,
				     .resolve =
					 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* Another directory says nothing of its files. */
static bool is_root(const struct settle_job *job, int root)
{
	struct stat st;

	if (fstat(root, &st) < 0)
		return false;
	return !job->has_expected ||
	       (st.st_ino == job->expected.ino && major(st.st_dev) == job->expected.major &&
		minor(st.st_dev) == job->expected.minor);
}

/* -1: with a result. Only a regular file is opened. */
static int open_suspect(const struct settle_job *job, int root, struct verify_result *r)
{
	CLEANUP_FD int path = openat2_beneath(root, job->suspect->object, O_PATH);
	struct stat st;
	int fd = -1;

	if (path < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		*r = (struct verify_result){.verdict = errno == ELOOP ? VERIFY_NOT_A_FILE : VERIFY_MISSING};
	else if (path < 0 || fstat(path, &st) < 0)
		settle_cannot_tell(r, errno);
	else if (!S_ISREG(st.st_mode))
		*r = (struct verify_result){.verdict = VERIFY_NOT_A_FILE};
	else if ((fd = openat2_beneath(root, job->suspect->object, O_RDONLY | O_NONBLOCK | O_NOCTTY)) < 0)
		settle_cannot_tell(r, errno);
	return fd;
}

static int look_at_file(const struct settle_job *job, int fd, struct verify_result *r)
{
	struct verify_options o;
	struct stat st;

	if (fstat(fd, &st) < 0) {
		settle_cannot_tell(r, errno);
		return 0;
	}
	o = settle_options(job, &st);
	return verify_file(fd, &o, r) < 0;
}

static int look_in_directory(const struct settle_job *job, struct verify_result *r)
{
	CLEANUP_FD int root = open(job->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int fd = -1;

	if (root < 0 || !is_root(job, root)) {
		settle_cannot_tell(r, root < 0 ? errno : ESTALE);
		return 0;
	}
	fd = open_suspect(job, root, r);
	return fd < 0 ? 0 : look_at_file(job, fd, r);
}

int settle_child(const struct settle_job *job, struct settle_shared *shared)
{
	int status = job->ring_socket >= 0 ? settle_look_on_server(job, &shared->result)
					   : look_in_directory(job, &shared->result);

	/* Its connection is gone. */
	if (status || !settle_is_connected(job))
		return 1;
	atomic_store(&shared->done, 1);
	return 0;
}
