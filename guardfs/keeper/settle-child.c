/* settle-child.c: see settle-child.h. */
#include "keeper/settle-child.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "keeper/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A pause at each chunk while callers are inside. */
#define YIELD_MS 50

static const struct board_backend *board_of(const struct settle_job *job)
{
	return &job->arena->board.backends[job->suspect->backend];
}

/* Over the connection that serves. */
static bool is_connected(const struct settle_job *job)
{
	uint64_t breaker = atomic_load(&board_of(job)->breaker);

	return breaker_is_closed(breaker) && breaker_epoch(breaker) == job->epoch;
}

static bool may_go_on(void *context, const struct verify_progress *progress)
{
	const struct settle_job *job = context;

	(void)progress;
	if (atomic_load(&board_of(job)->inflight) > 0)
		(void)poll(NULL, 0, YIELD_MS);
	return is_connected(job);
}

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

static void set_unknown(struct verify_result *r, int error)
{
	*r = (struct verify_result){.verdict = VERIFY_UNKNOWN, .error = error};
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
		set_unknown(r, errno);
	else if (!S_ISREG(st.st_mode))
		*r = (struct verify_result){.verdict = VERIFY_NOT_A_FILE};
	else if ((fd = openat2_beneath(root, job->suspect->object, O_RDONLY | O_NONBLOCK | O_NOCTTY)) < 0)
		set_unknown(r, errno);
	return fd;
}

/* Bytes found whole before, if the file is as it was. */
static uint64_t begin_at(const struct suspect *s, const struct stat *st)
{
	bool same =
	    s->whole_to && (uint64_t)st->st_size == s->found_size && st->st_mtim.tv_sec == s->found_mtime_s;

	return same && s->whole_to <= (uint64_t)st->st_size ? s->whole_to : 0;
}

/* A file without structure is looked at in the ranges alone, for zeros. */
static uint64_t begin_of_ranges(const struct suspect *s, const struct stat *st)
{
	uint64_t from = s->ranges.n ? s->ranges.ranges[0].from : s->size;

	return MIN(from, (uint64_t)st->st_size);
}

static struct verify_options options_for(const struct settle_job *job, const struct stat *st)
{
	const struct suspect *s = job->suspect;
	struct verify_options o = {.kind = verify_kind_of(s->object),
				   .level = VERIFY_LEVEL_WARC,
				   .rate = (uint64_t)job->arena->board.config.settle_rate_mib << 20,
				   .fresh = true,
				   .go_on = may_go_on};

	/* By the acknowledged writes, unless it was written to again; it may grow while it is open. Of a crash only
	 * those a while before are known. */
	if (!s->again)
		o.min_size = s->size;
	if (!s->again && s->cause != SUSPECT_CRASHED && !writers_have(job->arena, s->backend, s->object))
		o.max_size = MAX(s->size, ledger_end(&s->ranges));
	o.zeros = o.kind == VERIFY_DATA;
	o.from = o.zeros ? begin_of_ranges(s, st) : begin_at(s, st);
	return o;
}

static int look_at_file(const struct settle_job *job, int fd, struct verify_result *r)
{
	struct verify_options o;
	struct settle_job mine = *job;
	struct stat st;

	if (fstat(fd, &st) < 0) {
		set_unknown(r, errno);
		return 0;
	}
	o = options_for(job, &st);
	o.context = &mine;
	return verify_file(fd, &o, r) < 0;
}

int settle_child(const struct settle_job *job, struct settle_shared *shared)
{
	CLEANUP_FD int root = open(job->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int fd = -1;
	int status = 0;

	if (root < 0 || !is_root(job, root)) {
		set_unknown(&shared->result, root < 0 ? errno : ESTALE);
	} else {
		fd = open_suspect(job, root, &shared->result);
		status = fd < 0 ? 0 : look_at_file(job, fd, &shared->result);
	}
	/* Its connection is gone. */
	if (status || !is_connected(job))
		return 1;
	atomic_store(&shared->done, 1);
	return 0;
}
