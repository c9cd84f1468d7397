#include "verify/run.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "verify/find.h"
#include "verify/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <signal.h>

#define PROGRESS_AFTER_NS (1 * NSEC_PER_SEC) /* faster work needs no line */
#define PROGRESS_EVERY_NS (200 * NSEC_PER_MSEC)
#define DEPTH_MAX	  16u
#define ENTRIES_MAX	  1000000u

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

static void clear_line(struct verify_run *run)
{
	if (run->line)
		fputs("\r\033[K", stderr);
	run->line = false;
}

static bool go_on(void *context, const struct verify_progress *p)
{
	struct verify_run *run = context;
	uint64_t now_ns = clock_mono_ns();

	if (!run->terminal || now_ns - run->begun_ns < PROGRESS_AFTER_NS ||
	    now_ns - run->shown_ns < PROGRESS_EVERY_NS)
		return !stopped;
	run->shown_ns = now_ns;
	run->line = true;
	fputc('\r', stderr);
	utf8_print_escaped(stderr, run->path, PATH_MAX);
	fprintf(stderr, ": %3u %% of %" PRIu64 " MiB, %u MiB/s\033[K",
		(unsigned)(p->size ? (double)p->done * 100 / (double)p->size : 100), p->size >> 20,
		(unsigned)((double)(p->done - MIN(p->done, run->options.from)) / (1 << 20) /
			   ((double)(now_ns - run->begun_ns) / (double)NSEC_PER_SEC)));
	return !stopped;
}

static void count(struct verify_run *run, const struct verify_result *result)
{
	run->files++;
	if (result->verdict == VERIFY_UNKNOWN ||
	    (result->verdict == VERIFY_CHANGED && result->reason == VERIFY_REASON_WRITTEN))
		run->unknown++;
	else if (result->verdict != VERIFY_WHOLE)
		run->bad++;
}

static void tell_result(struct verify_run *run, const char *path, const struct verify_result *result)
{
	clear_line(run);
	count(run, result);
	if (run->json) {
		if (verify_put_json(run->out, path, result))
			fprintf(stderr, "%s: short of memory\n", run->program);
		return;
	}
	utf8_print_escaped(run->out, path, PATH_MAX);
	fputs(": ", run->out);
	verify_put_text(run->out, result);
	fputc('\n', run->out);
	fflush(run->out);
}

static void tell_verdict(struct verify_run *run, const char *path, enum verify_verdict verdict, int error)
{
	struct verify_result result = {
	    .verdict = verdict, .error = error, .kind = verify_kind_of(path), .level = run->options.level};

	tell_result(run, path, &result);
}

void verify_run_unknown(struct verify_run *run, const char *path, int error)
{
	tell_verdict(run, path, VERIFY_UNKNOWN, error);
}

static struct verify_options options_for(struct verify_run *run, const char *path)
{
	struct verify_options options = run->options;

	if (!run->kind_given)
		options.kind = verify_kind_of(path);
	options.go_on = go_on;
	options.context = run;
	run->path = path;
	run->begun_ns = clock_mono_ns();
	run->shown_ns = 0;
	return options;
}

static void verify_one(struct verify_run *run, int dir, const char *name, const char *path, uint64_t min_size)
{
	struct verify_options options = options_for(run, path);
	struct verify_result result;
	errint_t err;

	options.min_size = MAX(options.min_size, min_size);
	err = verify_name(dir, name, &options, &result);
	if (err && err != -ECANCELED)
		verify_run_unknown(run, path, -err);
	else
		tell_result(run, path, &result);
}

struct inode {
	dev_t dev;
	ino_t ino;
};

static int compare_inodes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct inode));
}

/* Consolidated WARCs are hard links to the crawl's. */
static bool was_seen(struct verify_run *run, const struct stat *st)
{
	struct inode *key, **slot;

	if (st->st_nlink < 2)
		return false;
	key = calloc(1, sizeof(*key));
	if (!key)
		return false;
	key->dev = st->st_dev;
	key->ino = st->st_ino;
	slot = tsearch(key, &run->seen, compare_inodes);
	if (slot && *slot == key)
		return false;
	free(key);
	return slot != NULL;
}

static void verify_found(void *context, int dir, const char *name, const char *path, const struct stat *st)
{
	struct verify_run *run = context;
	/* Names of its own directory. */
	uint64_t min_size = run->manifest ? manifest_size(run->manifest, path) : 0;

	run->find->stop = stopped;
	if (stopped || (run->since_s && st->st_mtim.tv_sec < run->since_s))
		return;
	/* Its other name had no minimal size. */
	if (was_seen(run, st) && (uint64_t)st->st_size >= min_size)
		return;
	verify_one(run, dir, name, path, min_size);
}

static void report_missing(void *context, const char *path)
{
	tell_verdict(context, path, VERIFY_MISSING, 0);
}

static void directory(void *context, int dir, const char *path)
{
	struct verify_run *run = context;
	struct manifest *manifest = manifest_load(dir, path);

	if (!manifest)
		return;
	manifest_release(run->manifest);
	run->manifest = manifest;
	manifest_missing(manifest, dir, report_missing, run);
}

static void report_unread(void *context, const char *path, const char *what, int error)
{
	(void)what;
	verify_run_unknown(context, path, error);
}

static void verify_directory(struct verify_run *run, const char *path)
{
	struct find find = {.context = run,
			    .depth_max = DEPTH_MAX,
			    .entries_max = ENTRIES_MAX,
			    .directory = directory,
			    .found = verify_found,
			    .failed = report_unread};

	run->find = &find;
	find_warcs(&find, path);
	run->find = NULL;
	if (find.entries >= ENTRIES_MAX)
		verify_run_unknown(run, path, E2BIG);
	tdestroy(run->seen, free);
	run->seen = NULL;
	manifest_release(run->manifest);
	run->manifest = NULL;
}

static const char *why_no_copy(errint_t err)
{
	switch (err) {
	case -EALREADY:
		return "it is whole: there is nothing to repair";
	case -ENODATA:
		return "nothing of it is known to be whole (of what is compressed in one piece, no part can "
		       "be cut out)";
	case -EAGAIN:
		return "it could not be read to the end, or was being written: verify it again";
	case -EEXIST:
		return "there is a file of that name";
	case -ECANCELED:
		return "interrupted";
	default:
		return strerror(-err);
	}
}

static void repair_file(struct verify_run *run, int fd, const char *path)
{
	struct verify_options options = options_for(run, path);
	struct verify_result result;
	errint_t err = verify_file(fd, &options, &result);

	if (err && err != -ECANCELED) {
		verify_run_unknown(run, path, -err);
		return;
	}
	tell_result(run, path, &result);
	if (!err)
		err = verify_repair(fd, &options, &result, run->repair_to);
	clear_line(run);
	if (err == -EALREADY) {
		fprintf(stderr, "%s: no copy made: %s\n", run->program, why_no_copy(err));
	} else if (err) {
		run->bad++;
		fprintf(stderr, "%s: no copy made: %s\n", run->program, why_no_copy(err));
	} else {
		fprintf(stderr, "%s: the first %" PRIu64 " bytes were copied\n", run->program,
			result.whole_to);
	}
}

static void repair(struct verify_run *run, const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		tell_verdict(run, path, errno == ENOENT ? VERIFY_MISSING : VERIFY_UNKNOWN,
			     errno == ENOENT ? 0 : errno);
	else
		repair_file(run, fd, path);
}

void verify_run_begin(struct verify_run *run)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = stop};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)sigaction(signals[i], &action, NULL);
	run->terminal = isatty(STDERR_FILENO);
}

void verify_run_path(struct verify_run *run, const char *path)
{
	struct stat st;

	if (stopped)
		return;
	if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) && !run->repair_to)
		verify_directory(run, path);
	else if (run->repair_to)
		repair(run, path);
	else
		verify_one(run, AT_FDCWD, path, path, 0);
}

int verify_run_end(struct verify_run *run)
{
	clear_line(run);
	if (!run->json && run->files != 1)
		fprintf(run->out,
			"%" PRIu64 " files: %" PRIu64 " whole, %" PRIu64 " not, %" PRIu64 " unknown\n",
			run->files, run->files - run->bad - run->unknown, run->bad, run->unknown);
	if (run->bad)
		return VERIFY_EXIT_NOT_WHOLE;
	return run->unknown || stopped ? VERIFY_EXIT_UNKNOWN : VERIFY_EXIT_OK;
}
