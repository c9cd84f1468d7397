/* ops: runs one workload in several directories in turn and prints how the first, or the first SUBJECTS of
 * them, compare with the others.
 *
 *     ops [-r ROUNDS] [-t THREADS] [-n COUNT] [-s SUBJECTS] WORKLOAD NAME=DIR[:BACKING] NAME=DIR[:BACKING]...
 *
 * Each round runs the workload once in every directory, beginning with another one each time; what disturbs
 * the machine for longer than one run therefore disturbs all of them. A ratio is peer's time divided by the
 * first directory's time, in the same round: above 1 the first is faster. Prints one line for each peer:
 * WORKLOAD FIRST PEER MEDIAN MIN MAX MICROSECONDS, the last being the first's median time per operation, for
 * orientation only. BACKING is where DIR's files lie (default: DIR itself): what must be new to all caches is
 * made there. */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/base.h"
#include "base/clock.h"

#define PEERS_MAX   8
#define ROUNDS_MAX  101
#define THREADS_MAX 32
#define PATH_SIZE   1024
#define BLOCK	    4096
#define LINE	    128
#define RANDOM_MIB  16
#define MIB	    (1024 * 1024)

struct place {
	const char *name;
	const char *dir;
	const char *backing;
	uint64_t ns[ROUNDS_MAX];
};

/* One run of a workload: its directory, as the caller sees it and where it lies. */
struct run {
	char dir[PATH_SIZE];
	char backing[PATH_SIZE];
	unsigned count;
	unsigned threads;
};

struct workload {
	const char *name;
	unsigned count;			      /* of operations, unless -n says otherwise */
	void (*make)(const struct run *r);    /* in the backing directory, untimed, before each run */
	uint64_t (*run)(const struct run *r); /* returns the nanoseconds it took */
};

struct share {
	const struct run *run;
	void (*each)(const struct run *r, unsigned i);
	unsigned from, to;
};

/* Every page of it is there before anything is timed: a write(2) from pages that are not is split by FUSE. */
static _Alignas(BLOCK) char block[MIB];

static void join(char *path, const char *dir, const char *prefix, unsigned i)
{
	if (snprintf(path, PATH_SIZE, "%s/%s%u", dir, prefix, i) >= PATH_SIZE)
		errx(1, "path too long: %s", dir);
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* ---- making ---- */

static void make_nothing(const struct run *r)
{
	(void)r;
}

static void make_files(const struct run *r)
{
	char path[PATH_SIZE];

	for (unsigned i = 0; i < r->count; i++) {
		join(path, r->backing, "file", i);
		close(open_or_die(path, O_WRONLY | O_CREAT));
	}
}

static void write_blocks(const char *path, unsigned mib)
{
	int fd = open_or_die(path, O_WRONLY | O_CREAT | O_TRUNC);

	while (mib-- > 0)
		if (write(fd, block, MIB) != MIB)
			err(1, "%s", path);
	if (close(fd) < 0)
		err(1, "%s", path);
}

static void make_data(const struct run *r)
{
	char path[PATH_SIZE];

	join(path, r->backing, "data", 0);
	write_blocks(path, r->count);
}

static void make_16_mib(const struct run *r)
{
	char path[PATH_SIZE];

	join(path, r->backing, "data", 0);
	write_blocks(path, RANDOM_MIB);
}

/* ---- running ---- */

static void *run_share(void *arg)
{
	const struct share *s = arg;

	for (unsigned i = s->from; i < s->to; i++)
		s->each(s->run, i);
	return NULL;
}

static uint64_t run_shared(const struct run *r, void (*each)(const struct run *r, unsigned i))
{
	struct share shares[THREADS_MAX];
	pthread_t threads[THREADS_MAX];
	uint64_t start_ns = clock_mono_ns();

	for (unsigned t = 0; t < r->threads; t++) {
		shares[t] =
		    (struct share){r, each, r->count * t / r->threads, r->count * (t + 1) / r->threads};
		if (t > 0 && pthread_create(&threads[t], NULL, run_share, &shares[t]) != 0)
			errx(1, "cannot start a thread");
	}
	run_share(&shares[0]);
	for (unsigned t = 1; t < r->threads; t++)
		pthread_join(threads[t], NULL);
	return clock_mono_ns() - start_ns;
}

static void stat_one(const struct run *r, unsigned i)
{
	char path[PATH_SIZE];
	struct stat st;

	join(path, r->dir, "file", i);
	if (lstat(path, &st) < 0)
		err(1, "%s", path);
}

static uint64_t run_stat(const struct run *r)
{
	return run_shared(r, stat_one);
}

static uint64_t run_stat_again(const struct run *r)
{
	run_shared(r, stat_one);
	return run_shared(r, stat_one);
}

/* Longer than guardfs lets the kernel keep what it was told. */
static uint64_t run_stat_later(const struct run *r)
{
	const struct timespec pause = {.tv_sec = 1, .tv_nsec = 200000000};

	run_shared(r, stat_one);
	nanosleep(&pause, NULL); /* sleep-ok: lets cache times pass */
	return run_shared(r, stat_one);
}

static void miss_one(const struct run *r, unsigned i)
{
	char path[PATH_SIZE];
	struct stat st;

	join(path, r->dir, "none", i);
	if (lstat(path, &st) == 0 || errno != ENOENT)
		errx(1, "%s: expected ENOENT", path);
}

static uint64_t run_missing(const struct run *r)
{
	return run_shared(r, miss_one);
}

static uint64_t read_all(const char *path)
{
	uint64_t start_ns = clock_mono_ns();
	int fd = open_or_die(path, O_RDONLY);
	ssize_t n;

	while ((n = read(fd, block, MIB)) > 0)
		continue;
	if (n < 0)
		err(1, "%s", path);
	close(fd);
	return clock_mono_ns() - start_ns;
}

static uint64_t run_read_cold(const struct run *r)
{
	char path[PATH_SIZE];

	join(path, r->dir, "data", 0);
	return read_all(path);
}

static uint64_t run_read_warm(const struct run *r)
{
	run_read_cold(r);
	return run_read_cold(r);
}

static uint64_t read_random(const struct run *r)
{
	char path[PATH_SIZE];
	unsigned seed = 12345;
	uint64_t start_ns;
	int fd;

	join(path, r->dir, "data", 0);
	fd = open_or_die(path, O_RDONLY);
	start_ns = clock_mono_ns();
	for (unsigned i = 0; i < r->count; i++) {
		off_t offset = (off_t)(rand_r(&seed) % (RANDOM_MIB * MIB / BLOCK)) * BLOCK;

		if (pread(fd, block, BLOCK, offset) != BLOCK)
			err(1, "%s", path);
	}
	start_ns = clock_mono_ns() - start_ns;
	close(fd);
	return start_ns;
}

static uint64_t run_read_random(const struct run *r)
{
	run_read_cold(r);
	return read_random(r);
}

static uint64_t append(const struct run *r, size_t size)
{
	char path[PATH_SIZE];
	uint64_t start_ns;
	int fd;

	join(path, r->dir, "log", 0);
	fd = open_or_die(path, O_WRONLY | O_CREAT | O_APPEND);
	start_ns = clock_mono_ns();
	for (unsigned i = 0; i < r->count; i++)
		if (write(fd, block, size) != (ssize_t)size)
			err(1, "%s", path);
	start_ns = clock_mono_ns() - start_ns;
	close(fd);
	return start_ns;
}

static uint64_t run_append(const struct run *r)
{
	return append(r, BLOCK);
}

static uint64_t run_append_line(const struct run *r)
{
	return append(r, LINE);
}

static uint64_t run_write(const struct run *r)
{
	char path[PATH_SIZE];
	uint64_t start_ns = clock_mono_ns();

	join(path, r->dir, "new", 0);
	write_blocks(path, r->count);
	return clock_mono_ns() - start_ns;
}

/* size bytes at a time, each sync_every bytes synced (0: never), and closed. */
static uint64_t write_and_close(const struct run *r, size_t size, int flags, size_t sync_every)
{
	char path[PATH_SIZE];
	uint64_t start_ns = clock_mono_ns();
	size_t unsynced = 0;
	int fd;

	join(path, r->dir, "new", 0);
	fd = open_or_die(path, O_WRONLY | O_CREAT | flags);
	for (unsigned i = 0; i < r->count; i++) {
		if (write(fd, block, size) != (ssize_t)size)
			err(1, "%s", path);
		unsynced += size;
		if (sync_every && unsynced >= sync_every) {
			if (fsync(fd) < 0)
				err(1, "%s", path);
			unsynced = 0;
		}
	}
	if (close(fd) < 0)
		err(1, "%s", path);
	return clock_mono_ns() - start_ns;
}

static uint64_t run_write_8k(const struct run *r)
{
	return write_and_close(r, 8192, 0, 0);
}

static uint64_t run_write_128k(const struct run *r)
{
	return write_and_close(r, 131072, 0, 0);
}

static uint64_t run_write_1m(const struct run *r)
{
	return write_and_close(r, MIB, 0, 0);
}

static uint64_t run_append_sync(const struct run *r)
{
	return write_and_close(r, 8192, O_APPEND, MIB);
}

static void create_one(const struct run *r, unsigned i)
{
	char path[PATH_SIZE];
	int fd;

	join(path, r->dir, "new", i);
	fd = open_or_die(path, O_WRONLY | O_CREAT);
	if (write(fd, block, BLOCK) != BLOCK || close(fd) < 0)
		err(1, "%s", path);
}

static uint64_t run_create_keep(const struct run *r)
{
	return run_shared(r, create_one);
}

static void make_new(const struct run *r, unsigned i, int flags, size_t size)
{
	char path[PATH_SIZE];
	int fd;

	join(path, r->dir, "new", i);
	fd = open_or_die(path, O_WRONLY | O_CREAT | flags);
	if ((size && write(fd, block, size) != (ssize_t)size) || close(fd) < 0)
		err(1, "%s", path);
}

static void make_empty(const struct run *r, unsigned i)
{
	make_new(r, i, O_EXCL, 0);
}

/* As fopen("w") does it. */
static void make_small(const struct run *r, unsigned i)
{
	make_new(r, i, O_TRUNC, BLOCK);
}

static void unlink_one(const struct run *r, unsigned i)
{
	char path[PATH_SIZE];

	join(path, r->dir, "new", i);
	if (unlink(path) < 0)
		err(1, "%s", path);
}

static uint64_t run_create(const struct run *r)
{
	uint64_t ns = run_shared(r, make_empty);

	return ns + run_shared(r, unlink_one);
}

static uint64_t run_create_small(const struct run *r)
{
	uint64_t ns = run_shared(r, make_small);

	return ns + run_shared(r, unlink_one);
}

static void list(const struct run *r, bool with_stat)
{
	DIR *d = opendir(r->dir);
	const struct dirent *e;
	unsigned n = 0;
	struct stat st;

	if (!d)
		err(1, "%s", r->dir);
	for (; (e = readdir(d)); n++)
		if (with_stat && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			err(1, "%s/%s", r->dir, e->d_name);
	if (n < r->count)
		errx(1, "%s: %u entries of %u", r->dir, n, r->count);
	closedir(d);
}

static uint64_t run_list(const struct run *r)
{
	uint64_t start_ns = clock_mono_ns();

	list(r, false);
	return clock_mono_ns() - start_ns;
}

static uint64_t run_list_stat(const struct run *r)
{
	uint64_t start_ns = clock_mono_ns();

	list(r, true);
	return clock_mono_ns() - start_ns;
}

static uint64_t run_list_stat_again(const struct run *r)
{
	run_list_stat(r);
	return run_list_stat(r);
}

static const struct workload workloads[] = {
    {"stat", 2000, make_files, run_stat},
    {"stat-again", 2000, make_files, run_stat_again},
    {"stat-later", 1000, make_files, run_stat_later},
    {"missing", 3000, make_nothing, run_missing},
    {"read-4k", 20000, make_16_mib, run_read_random},
    {"read-4k-cold", 200, make_16_mib, read_random},
    {"append-4k", 5000, make_nothing, run_append},
    {"append-128", 5000, make_nothing, run_append_line},
    {"read-1m", 64, make_data, run_read_warm},
    {"read-1m-cold", 64, make_data, run_read_cold},
    {"write-1m", 32, make_nothing, run_write},
    {"write-8k-close", 512, make_nothing, run_write_8k},
    {"write-128k-close", 256, make_nothing, run_write_128k},
    {"write-1m-close", 32, make_nothing, run_write_1m},
    {"append-8k-sync", 512, make_nothing, run_append_sync},
    {"create-4k", 200, make_nothing, run_create_keep},
    {"create-unlink", 1000, make_nothing, run_create},
    {"create-unlink-4k", 200, make_nothing, run_create_small},
    {"readdir", 2000, make_files, run_list},
    {"readdir-stat", 1000, make_files, run_list_stat},
    {"readdir-stat-again", 1000, make_files, run_list_stat_again},
};

/* ---- measuring ---- */

static void remove_tree(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	if (!d)
		err(1, "%s", dir);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && unlinkat(dirfd(d), e->d_name, 0) < 0)
			err(1, "%s/%s", dir, e->d_name);
	closedir(d);
	if (rmdir(dir) < 0)
		err(1, "%s", dir);
}

/* Every run gets a directory that nobody has heard of. */
static uint64_t measure(const struct workload *w, const struct place *p, struct run *r)
{
	static unsigned number;
	char name[64];
	uint64_t ns;

	snprintf(name, sizeof(name), "%s-%d-", w->name, getpid());
	join(r->dir, p->dir, name, number);
	join(r->backing, p->backing, name, number++);
	if (mkdir(r->backing, 0755) < 0)
		err(1, "%s", r->backing);
	w->make(r);
	ns = w->run(r);
	remove_tree(r->backing);
	return ns;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const struct workload *w, const struct place *first, const struct place *peer,
		   unsigned rounds, const struct run *r)
{
	double ratio[ROUNDS_MAX], us[ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		ratio[i] = (double)peer->ns[i] / (double)first->ns[i];
		us[i] = (double)first->ns[i] / 1000 / r->count;
	}
	qsort(ratio, rounds, sizeof(*ratio), compare);
	qsort(us, rounds, sizeof(*us), compare);
	printf("%s/%u %s %s %.3f %.3f %.3f %.2f\n", w->name, r->threads, first->name, peer->name,
	       ratio[rounds / 2], ratio[0], ratio[rounds - 1], us[rounds / 2]);
}

static struct place parse_place(char *text)
{
	struct place p = {.name = text};
	char *dir = strchr(text, '='), *backing;

	if (!dir)
		errx(100, "not NAME=DIR: %s", text);
	*dir++ = '\0';
	backing = strchr(dir, ':');
	if (backing)
		*backing++ = '\0';
	p.dir = dir;
	p.backing = backing ? backing : dir;
	return p;
}

static const struct workload *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(workloads); i++)
		if (strcmp(workloads[i].name, name) == 0)
			return &workloads[i];
	errx(100, "no such workload: %s", name);
}

static unsigned number(const char *text, unsigned max)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (n < 1 || n > max)
		errx(100, "not between 1 and %u: %s", max, text);
	return (unsigned)n;
}

static void run_rounds(const struct workload *w, struct place *places, unsigned n, unsigned rounds,
		       struct run *r)
{
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < n; i++) {
			struct place *p = &places[(round + i) % n];

			p->ns[round] = measure(w, p, r);
		}
}

int main(int argc, char **argv)
{
	static struct place places[PEERS_MAX];
	struct run r = {.threads = 1};
	unsigned rounds = 5, subjects = 1, n = 0;
	const struct workload *w;
	int c;

	while ((c = getopt(argc, argv, "r:t:n:s:")) != -1) {
		if (c == 'r')
			rounds = number(optarg, ROUNDS_MAX);
		else if (c == 't')
			r.threads = number(optarg, THREADS_MAX);
		else if (c == 'n')
			r.count = number(optarg, 1000000);
		else if (c == 's')
			subjects = number(optarg, PEERS_MAX);
		else
			return 100;
	}
	if (argc - optind < 2 + (int)subjects || argc - optind > PEERS_MAX + 1)
		errx(100, "usage: ops [-r ROUNDS] [-t THREADS] [-n COUNT] [-s SUBJECTS] WORKLOAD "
			  "NAME=DIR[:BACKING]...");
	memset(block, 'x', sizeof(block));
	w = find(argv[optind++]);
	r.count = r.count ? r.count : w->count;
	while (optind < argc)
		places[n++] = parse_place(argv[optind++]);
	run_rounds(w, places, n, rounds, &r);
	for (unsigned s = 0; s < subjects; s++)
		for (unsigned i = subjects; i < n; i++)
			report(w, &places[s], &places[i], rounds, &r);
	return 0;
}
