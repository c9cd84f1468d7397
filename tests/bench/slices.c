/* slices: callers in several directories in turn, a slice of time each; what a call took, how long the slowest ones did, and what was
 * left for programs that compute beside them.
 *
 *     slices [-t THREADS] [-s SECONDS] [-d SLICE_MS] [-b BUSY] [-c BUSY] [-p PAUSE_US] [-g GROUP] missing|create NAME=DIR...
 *
 * missing stats a new name each time, create makes, closes and removes a file. Each slice is cut into windows of 10 ms. GROUP is a cgroup
 * (cpuacct, v1) that holds this program and all that serves it: windows in which others took more than 15 % of a processor are left out
 * of the first figures. BUSY processes compute meanwhile: -b, each in a session of its
 * own (for the kernel's autogroups); -c, in the callers'; with -p before them
 * they pause so long after each 300 us. Prints one line for each directory:
 *
 *     NAME WINDOWS Q1 MEDIAN Q3 | ALL SLICE P50 P99 P999 MAX | BUSY
 *
 * Q1, MEDIAN, Q3: microseconds a call in the quiet windows. ALL: the same over all slices together; SLICE: the median of slices. P50 to MAX:
 * of single calls. BUSY: how much the busy ones computed, to the first directory's 1. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/base.h"
#include "base/clock.h"

#define PLACES_MAX  8
#define THREADS_MAX 16
#define BUSY_MAX    16
#define PATH_SIZE   1024
#define WINDOW_NS   10000000u
#define WINDOWS_MAX 20000
#define SLICES_MAX  1000
#define QUIET_NS    (WINDOW_NS * 15 / 100)
#define BURST_NS    300000u
/* Of call times: 16 to each power of two. */
#define BUCKETS 640

struct place {
	const char *name, *dir;
	double us[WINDOWS_MAX]; /* a call, in quiet windows */
	unsigned windows;
	double slice_us[SLICES_MAX]; /* a call, in each slice */
	unsigned slices;
	uint64_t calls, ns, done; /* in all slices; done: by busy ones */
	_Atomic uint32_t times[BUCKETS];
	_Atomic uint64_t longest_ns;
};

static struct place places[PLACES_MAX];
static unsigned threads = 1;
static struct place *_Atomic now;
static _Atomic uint64_t calls;
static _Atomic bool stop;
static void (*call)(const char *dir, unsigned thread, unsigned i);
static int group_fd = -1, root_fd = -1;
static _Atomic uint64_t *busy; /* shared */
static unsigned busies, pause_us;

static void miss(const char *dir, unsigned thread, unsigned i)
{
	char path[PATH_SIZE];
	struct stat st;

	snprintf(path, sizeof(path), "%s/none%u-%u", dir, thread, i);
	if (lstat(path, &st) == 0 || errno != ENOENT)
		errx(1, "%s: expected ENOENT", path);
}

static void create(const char *dir, unsigned thread, unsigned i)
{
	char path[PATH_SIZE];
	int fd;

	snprintf(path, sizeof(path), "%s/new%u-%u", dir, thread, i);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		err(1, "%s", path);
	close(fd);
	if (unlink(path) < 0)
		err(1, "%s", path);
}

static unsigned bucket(uint64_t ns)
{
	unsigned power = 63 - (unsigned)__builtin_clzll(ns | 16);

	return MIN(16 * (power - 4) + (unsigned)(ns >> (power - 4) & 15), BUCKETS - 1);
}

static double bucket_us(unsigned b)
{
	return (double)((16 + b % 16) * (1ull << b / 16)) / 1000;
}

static void note(struct place *p, uint64_t ns)
{
	uint64_t longest = atomic_load(&p->longest_ns);

	atomic_fetch_add_explicit(&p->times[bucket(ns)], 1, memory_order_relaxed);
	while (ns > longest && !atomic_compare_exchange_weak(&p->longest_ns, &longest, ns))
		continue;
}

static void *run_caller(void *arg)
{
	unsigned thread = (unsigned)(uintptr_t)arg;
	uint64_t before = clock_mono_ns();

	for (unsigned i = 0; !atomic_load(&stop); i++) {
		struct place *p = atomic_load(&now);
		uint64_t after;

		call(p->dir, thread, i);
		after = clock_mono_ns();
		note(p, after - before);
		atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
		before = after;
	}
	return NULL;
}

/* ---- what others did ---- */

static uint64_t usage(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		err(1, "cpuacct.usage");
	text[n] = '\0';
	return strtoull(text, NULL, 10);
}

static uint64_t others_ns(void)
{
	return group_fd < 0 ? 0 : usage(root_fd) - usage(group_fd);
}

static void watch_group(const char *group)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/cpuacct.usage", group);
	group_fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/../cpuacct.usage", group);
	root_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (group_fd < 0 || root_fd < 0)
		err(1, "%s", path);
}

static uint64_t done_by_busy(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < busies; i++)
		sum += atomic_load(&busy[8 * i]);
	return sum;
}

static void compute(_Atomic uint64_t *done)
{
	const struct timespec pause = {.tv_nsec = (long)pause_us * 1000};

	for (;;) {
		uint64_t end_ns = clock_mono_ns() + BURST_NS;

		while (clock_mono_ns() < end_ns)
			atomic_fetch_add_explicit(done, 1, memory_order_relaxed);
		if (pause_us)
			nanosleep(&pause, NULL); /* sleep-ok: what is measured */
	}
}

static void start_busy(unsigned n, bool apart)
{
	if (!busy)
		busy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (busy == MAP_FAILED)
		err(1, "mmap");
	for (n = MIN(busies + n, BUSY_MAX); busies < n; busies++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (apart)
			setsid();
		compute(&busy[8 * busies]);
	}
}

/* ---- measuring ---- */

static void sleep_until(uint64_t ns)
{
	const struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL); /* sleep-ok: windows of time */
}

static void run_slice(struct place *p, unsigned windows)
{
	uint64_t before_ns, begin_ns, calls_before, done = done_by_busy(), all = p->calls;

	atomic_store(&now, p);
	begin_ns = before_ns = clock_mono_ns();
	calls_before = atomic_load(&calls);
	for (unsigned i = 1; i <= windows; i++) {
		uint64_t others = others_ns(), n, ns;

		sleep_until(begin_ns + (uint64_t)i * WINDOW_NS);
		ns = clock_mono_ns() - before_ns;
		before_ns += ns;
		n = atomic_load(&calls) - calls_before;
		calls_before += n;
		p->calls += n;
		p->ns += ns;
		if (n && others_ns() - others <= QUIET_NS && p->windows < WINDOWS_MAX)
			p->us[p->windows++] = (double)ns / 1000 / (double)n;
	}
	p->done += done_by_busy() - done;
	if (p->calls > all && p->slices < SLICES_MAX)
		p->slice_us[p->slices++] = (double)(before_ns - begin_ns) / 1000 / (double)(p->calls - all);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct place *p, double part)
{
	uint64_t sum = 0, seen = 0;
	unsigned b = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		sum += p->times[i];
	for (; b < BUCKETS - 1; b++) {
		seen += p->times[b];
		if ((double)seen >= part * (double)sum)
			break;
	}
	return bucket_us(b);
}

static void report(struct place *p)
{
	qsort(p->us, p->windows, sizeof(*p->us), compare);
	qsort(p->slice_us, p->slices, sizeof(*p->slice_us), compare);
	printf("%-10s %5u %7.1f %7.1f %7.1f | %7.1f %7.1f %7.1f %7.1f %7.1f %8.1f | %.3f\n", p->name,
	       p->windows, p->us[p->windows / 4], p->us[p->windows / 2], p->us[p->windows * 3 / 4],
	       p->calls ? (double)p->ns / 1000 / (double)p->calls : 0, p->slice_us[p->slices / 2],
	       percentile(p, 0.5), percentile(p, 0.99), percentile(p, 0.999), (double)p->longest_ns / 1000,
	       places[0].done
		   ? (double)p->done / (double)places[0].done * ((double)places[0].ns / (double)p->ns)
		   : 0);
}

static void measure(unsigned n, unsigned seconds, unsigned slice_ms)
{
	pthread_t ids[THREADS_MAX];
	uint64_t end_ns;

	atomic_store(&now, &places[0]);
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, run_caller, (void *)(uintptr_t)i) != 0)
			errx(1, "cannot start a thread");
	end_ns = clock_mono_ns() + seconds * 1000000000ull;
	for (unsigned round = 0; clock_mono_ns() < end_ns; round++)
		for (unsigned i = 0; i < n; i++)
			run_slice(&places[(round + i) % n], slice_ms / 10);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
}

static struct place *parse_place(struct place *p, char *text)
{
	char *dir = strchr(text, '=');

	if (!dir)
		errx(100, "not NAME=DIR: %s", text);
	*dir++ = '\0';
	p->name = text;
	p->dir = dir;
	return p;
}

int main(int argc, char **argv)
{
	unsigned seconds = 10, slice_ms = 200, n = 0;
	int option;

	while ((option = getopt(argc, argv, "t:s:d:b:c:p:g:")) != -1) {
		switch (option) {
		case 't':
			threads = MIN((unsigned)atoi(optarg), THREADS_MAX);
			break;
		case 's':
			seconds = (unsigned)atoi(optarg);
			break;
		case 'd':
			slice_ms = (unsigned)atoi(optarg);
			break;
		case 'b':
		case 'c':
			start_busy((unsigned)atoi(optarg), option == 'b');
			break;
		case 'p':
			pause_us = (unsigned)atoi(optarg);
			break;
		case 'g':
			watch_group(optarg);
			break;
		default:
			return 100;
		}
	}
	if (optind + 2 > argc || argc - optind - 1 > PLACES_MAX)
		errx(100, "what is measured, and where?");
	call = strcmp(argv[optind], "create") == 0 ? create : miss;
	while (++optind < argc)
		parse_place(&places[n++], argv[optind]);
	measure(n, seconds, slice_ms);
	for (unsigned i = 0; i < n; i++)
		report(&places[i]);
	return 0;
}
