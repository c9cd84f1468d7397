/* callers: many threads that call at the same moment; how each call ended and how long it took.
 *
 *     callers -t THREADS -o stat|open|read|readdir|create|missing [-n CALLS] [-s SECONDS] [-u PAUSE_US]
 * PATH...
 *
 * Thread i takes PATH number i modulo their count; "%d" in it becomes i. Each thread makes CALLS calls
 * (default 1), or as many as fit into SECONDS. `missing` stats a new name below PATH every time; `create`
 * makes and removes one. Prints one JSON object:
 * {"calls":N,"results":{"OK":N,"EIO":N},"us":{"min":N,"p50":N,"p99":N,"max":N},"wall_us":N}. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/base.h"
#include "base/clock.h"
#include "tests/tools/jitter.h"

#define THREADS_MAX 1024
#define CALLS_MAX   2000000 /* samples kept, over all threads */
#define ERRNO_MAX   134

typedef int (*call_fn)(const char *path, unsigned thread, unsigned call);

static struct {
	unsigned threads, calls, seconds, pause_us;
	call_fn run;
	char **paths;
	unsigned n_paths;
} opt = {.threads = 1, .calls = 1};

static pthread_barrier_t start_line;
static uint64_t end_ns;
static _Atomic uint64_t results[ERRNO_MAX];
static _Atomic unsigned n_samples;
static uint32_t samples_us[CALLS_MAX];

static int call_stat(const char *path, unsigned thread, unsigned call)
{
	struct stat st;

	(void)thread, (void)call;
	return stat(path, &st) < 0 ? errno : 0;
}

static int call_missing(const char *path, unsigned thread, unsigned call)
{
	char name[4200];

	snprintf(name, sizeof(name), "%s/missing-%u-%u-%d", path, thread, call, getpid());
	return call_stat(name, thread, call);
}

static int call_open(const char *path, unsigned thread, unsigned call)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)thread, (void)call;
	if (fd < 0)
		return errno;
	return close(fd) < 0 ? errno : 0;
}

static int call_read(const char *path, unsigned thread, unsigned call)
{
	char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	(void)thread, (void)call;
	if (fd < 0)
		return errno;
	if (pread(fd, buf, sizeof(buf), 0) < 0)
		err = errno;
	close(fd);
	return err;
}

static int call_readdir(const char *path, unsigned thread, unsigned call)
{
	DIR *dir = opendir(path);
	int err;

	(void)thread, (void)call;
	if (!dir)
		return errno;
	do
		errno = 0;
	while (readdir(dir));
	err = errno;
	closedir(dir);
	return err;
}

static int call_create(const char *path, unsigned thread, unsigned call)
{
	char name[4200];
	int fd;

	snprintf(name, sizeof(name), "%s/callers-%u-%u-%d", path, thread, call, getpid());
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno;
	if (close(fd) < 0)
		return errno;
	return unlink(name) < 0 ? errno : 0;
}

static const struct {
	const char *name;
	call_fn run;
} calls[] = {
    {"stat", call_stat},       {"open", call_open},	{"read", call_read},
    {"readdir", call_readdir}, {"create", call_create}, {"missing", call_missing},
};

static void record(int err, uint64_t ns)
{
	unsigned i = atomic_fetch_add(&n_samples, 1);

	if (i < CALLS_MAX)
		samples_us[i] = (uint32_t)(ns / 1000);
	atomic_fetch_add(&results[err >= 0 && err < ERRNO_MAX ? err : EIO], 1);
}

static void expand(char *out, size_t size, const char *path, unsigned thread)
{
	const char *mark = strstr(path, "%d");

	if (mark)
		snprintf(out, size, "%.*s%u%s", (int)(mark - path), path, thread, mark + 2);
	else
		snprintf(out, size, "%s", path);
}

static void *thread_main(void *arg)
{
	unsigned thread = (unsigned)(uintptr_t)arg;
	struct timespec pause = {.tv_sec = opt.pause_us / 1000000, .tv_nsec = opt.pause_us % 1000000 * 1000};
	char path[4096];

	expand(path, sizeof(path), opt.paths[thread % opt.n_paths], thread);
	pthread_barrier_wait(&start_line);
	for (unsigned i = 0; opt.seconds ? clock_mono_ns() < end_ns : i < opt.calls; i++) {
		uint64_t start = clock_mono_ns();
		int err = opt.run(path, thread, i);

		record(err, clock_mono_ns() - start);
		if (opt.pause_us)
			nanosleep(&pause, NULL); /* sleep-ok: the requested rate of calls */
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void report(uint64_t wall_ns)
{
	unsigned n = MIN(atomic_load(&n_samples), CALLS_MAX);
	const char *comma = "";

	qsort(samples_us, n, sizeof(samples_us[0]), compare);
	printf("{\"calls\":%u,\"results\":{", n);
	for (int e = 0; e < ERRNO_MAX; e++) {
		if (!results[e])
			continue;
		printf("%s\"%s\":%llu", comma, e ? strerrorname_np(e) : "OK", (unsigned long long)results[e]);
		comma = ",";
	}
	printf("},\"us\":{\"min\":%u,\"p50\":%u,\"p99\":%u,\"max\":%u},\"wall_us\":%llu,\"jitter_us\":{"
	       "\"p99\":%u,\"max\":%u}}\n",
	       n ? samples_us[0] : 0, n ? samples_us[n / 2] : 0,
	       n ? samples_us[(unsigned)((uint64_t)n * 99 / 100)] : 0, n ? samples_us[n - 1] : 0,
	       (unsigned long long)(wall_ns / 1000), jitter_p99_us(), jitter.max_us);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "t:o:n:s:u:")) != -1) {
		if (c == 't')
			opt.threads = (unsigned)atoi(optarg);
		else if (c == 'n')
			opt.calls = (unsigned)atoi(optarg);
		else if (c == 's')
			opt.seconds = (unsigned)atoi(optarg);
		else if (c == 'u')
			opt.pause_us = (unsigned)atoi(optarg);
		for (size_t i = 0; c == 'o' && i < ARRAY_SIZE(calls); i++) {
			if (strcmp(calls[i].name, optarg) == 0)
				opt.run = calls[i].run;
		}
	}
	opt.paths = argv + optind;
	opt.n_paths = (unsigned)(argc - optind);
	if (!opt.run || opt.n_paths == 0 || opt.threads == 0 || opt.threads > THREADS_MAX) {
		fprintf(stderr,
			"usage: callers -t THREADS -o stat|open|read|readdir|create|missing [-n CALLS] "
			"[-s SECONDS] [-u PAUSE_US] PATH...\n");
		exit(100);
	}
}

int main(int argc, char **argv)
{
	static pthread_t threads[THREADS_MAX];
	pthread_attr_t attr;
	uint64_t start;

	parse(argc, argv);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 * 1024);
	pthread_barrier_init(&start_line, NULL, opt.threads + 1);
	for (unsigned i = 0; i < opt.threads; i++) {
		if (pthread_create(&threads[i], &attr, thread_main, (void *)(uintptr_t)i) != 0) {
			fprintf(stderr, "callers: cannot start thread %u\n", i);
			return 1;
		}
	}
	if (!jitter_start())
		return 1;
	start = clock_mono_ns();
	end_ns = start + opt.seconds * NSEC_PER_SEC;
	pthread_barrier_wait(&start_line);
	for (unsigned i = 0; i < opt.threads; i++)
		pthread_join(threads[i], NULL);
	start = clock_mono_ns() - start;
	jitter_stop();
	report(start);
	return 0;
}
