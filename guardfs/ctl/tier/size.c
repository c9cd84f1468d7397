/* Disk space below a directory, in a child, so that a hang costs only its time limit. */
#include "ctl/tier/tiers.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <search.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* nftw passes no argument. */
static struct {
	uint64_t bytes, files, unseen;
	/* Inodes with several names. */
	void *links;
} sum;

static int compare_inodes(const void *a, const void *b)
{
	ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_counted(const struct stat *st)
{
	ino_t *mine, **node;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return false;
	mine = malloc(sizeof(*mine));
	if (!mine)
		return false;
	*mine = st->st_ino;
	node = tsearch(mine, &sum.links, compare_inodes);
	if (node && *node == mine)
		return false;
	free(mine);
	return node != NULL;
}

static int count_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)path;
	(void)where;
	sum.unseen += type == FTW_DNR || type == FTW_NS;
	if (type == FTW_NS || is_counted(st))
		return 0;
	sum.bytes += (uint64_t)st->st_blocks * 512;
	sum.files += type == FTW_F;
	return 0;
}

struct result {
	uint64_t bytes, files;
	int32_t error;
};

static void run_child(const char *directory, int out)
{
	struct result result;

	if (nftw(directory, count_entry, 16, FTW_PHYS | FTW_MOUNT) != 0)
		sum.unseen++;
	result = (struct result){sum.bytes, sum.files, sum.unseen ? -EIO : 0};
	_exit(write(out, &result, sizeof(result)) == (ssize_t)sizeof(result) ? 0 : 1);
}

static errint_t receive_result(int in, uint32_t timeout_ms, struct result *result)
{
	struct pollfd p = {.fd = in, .events = POLLIN};

	if (poll(&p, 1, (int)timeout_ms) <= 0)
		return -ETIMEDOUT;
	return read(in, result, sizeof(*result)) == (ssize_t)sizeof(*result) ? result->error : -EIO;
}

errint_t tiers_size(const char *directory, uint32_t timeout_ms, uint64_t *bytes, uint64_t *files)
{
	struct result result = {0, 0, 0};
	int ends[2];
	errint_t err;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		run_child(directory, ends[1]);
	close(ends[1]);
	err = pid < 0 ? -errno : receive_result(ends[0], timeout_ms, &result);
	close(ends[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		/* init reaps it later. */
		(void)waitpid(pid, NULL, err == -ETIMEDOUT ? WNOHANG : 0);
	}
	*bytes = result.bytes;
	*files = result.files;
	return err;
}
