/* stress: an application that keeps everything open and notices everything, while a test kills what it runs
 * on.
 *
 *     stress [-t THREADS] [-s SECONDS] [-m STALL_MS] [-p PAUSE_MS] [-e] DIR
 *
 * Each thread works in a directory of its own below DIR, with files opened beforehand: one to read and
 * rewrite, the same unlinked, one with O_APPEND, a half-read directory; the process has its working directory
 * inside DIR and holds a record lock there. Everything read is compared with everything written: a write that
 * was answered EIO may have happened or not, until the block is written again. Ends after SECONDS (default
 * 10) or at SIGTERM, and prints one JSON object. With -p each thread pauses between two steps, so that others
 * get a processor.
 *
 * Exit status 1 if anything was wrong: an errno other than EIO, wrong data, a lost record or entry or lock,
 * st_dev changed, a call of more than STALL_MS (default 5000). EIO is counted, apart for calls that may be
 * repeated safely
 * ("eio_idempotent") and others ("eio_mutating"); with -e any EIO is wrong. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/base.h"
#include "base/clock.h"
#include "tests/tools/pattern.h"

#define THREADS_MAX 64
#define BLOCKS	    16
#define ENTRIES	    150
#define RECORD	    64
#define RECORDS_MAX 400000
#define ERRNO_MAX   134

#define MAYBES 4

struct block_state {
	uint64_t version;	/* last acknowledged */
	uint64_t maybe[MAYBES]; /* answered EIO since: may have landed; 0: none */
	unsigned n_maybe;
};

enum record_state { RECORD_NONE, RECORD_ACKNOWLEDGED, RECORD_MAYBE };

struct worker {
	unsigned id;
	uint32_t random;
	int keep_fd, gone_fd, log_fd;
	struct block_state keep[BLOCKS], gone[BLOCKS];
	uint64_t version;
	uint8_t *records; /* enum record_state, RECORDS_MAX */
	uint32_t n_records;
	DIR *dir;
	uint8_t seen[ENTRIES];
	uint64_t ops;
	_Atomic uint64_t busy_since; /* CLOCK_MONOTONIC ns; 0: between calls */
	const char *_Atomic busy_with;
	uint64_t longest_ns;
	const char *longest_op;
	pthread_t thread;
};

static struct {
	unsigned n_threads, seconds, stall_ms, pause_ms;
	bool eio_is_wrong;
	char dir[3000];
	dev_t dev;
	_Atomic bool stop;
	_Atomic uint64_t problems, eio_idempotent, eio_mutating;
	_Atomic uint64_t errors[ERRNO_MAX];
	struct worker workers[THREADS_MAX];
} stress = {.n_threads = 8, .seconds = 10, .stall_ms = 5000};

__attribute__((format(printf, 1, 2))) static void problem(const char *fmt, ...)
{
	uint64_t n = atomic_fetch_add(&stress.problems, 1);
	char text[600];
	va_list ap;

	if (n >= 20)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "stress: %s\n", text);
}

static uint32_t next_random(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return w->random;
}

/* -- accounting of calls
 * ---------------------------------------------------------------------------------------- */

static void begin(struct worker *w, const char *what)
{
	atomic_store(&w->busy_with, what);
	atomic_store(&w->busy_since, clock_mono_ns());
}

/* Ends a call that returned rc (as system calls do). allowed: an errno that is no surprise here, or 0.
 * Returns 0 or the errno. */
static int finish(struct worker *w, long rc, bool idempotent, int allowed)
{
	int err = rc < 0 ? errno : 0;
	uint64_t took = clock_mono_ns() - atomic_load(&w->busy_since);
	const char *what = atomic_load(&w->busy_with);

	atomic_store(&w->busy_since, 0);
	w->ops++;
	if (took > w->longest_ns) {
		w->longest_ns = took;
		w->longest_op = what;
	}
	if (took > stress.stall_ms * NSEC_PER_MSEC)
		problem("%s took %llu ms", what, (unsigned long long)(took / NSEC_PER_MSEC));
	if (err == 0 || err == allowed)
		return err;
	atomic_fetch_add(&stress.errors[err < ERRNO_MAX ? err : 0], 1);
	if (err == EIO)
		atomic_fetch_add(idempotent ? &stress.eio_idempotent : &stress.eio_mutating, 1);
	if (err != EIO || stress.eio_is_wrong)
		problem("thread %u: %s: %s", w->id, what, strerrorname_np(err));
	return err;
}

static void path_of(const struct worker *w, char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s/s-%u/%s", stress.dir, w->id, name);
}

/* -- blocks
 * ----------------------------------------------------------------------------------------------------- */

/* Every byte is of the acknowledged version, or of a write answered EIO: that one may have been done in part.
 */
static bool is_expected(const struct block_state *state, const unsigned char *block, unsigned thread,
			unsigned index)
{
	unsigned char want[1 + MAYBES][BLOCK];
	unsigned n = MIN(state->n_maybe, MAYBES);

	fill_block(want[0], thread, index, state->version);
	for (unsigned i = 0; i < n; i++)
		fill_block(want[1 + i], thread, index, state->maybe[i]);
	for (size_t k = 0; k < BLOCK; k++) {
		unsigned i = 0;

		while (i <= n && want[i][k] != block[k])
			i++;
		if (i > n)
			return false;
	}
	return true;
}

static void write_block(struct worker *w, int fd, struct block_state *states, const char *what)
{
	unsigned i = next_random(w) % BLOCKS;
	unsigned char block[BLOCK];
	uint64_t version = ++w->version;
	ssize_t n;

	fill_block(block, w->id, i, version);
	begin(w, what);
	n = pwrite(fd, block, BLOCK, (off_t)i * BLOCK);
	if (finish(w, n, true, 0)) {
		states[i].maybe[states[i].n_maybe++ % MAYBES] = version;
		return;
	}
	if (n != BLOCK)
		problem("thread %u: %s wrote %zd bytes only", w->id, what, n);
	states[i] = (struct block_state){.version = version};
}

static void check_block(struct worker *w, int fd, const struct block_state *states, unsigned i,
			const char *what)
{
	unsigned char block[BLOCK];
	char text[300] = "";
	ssize_t n;

	begin(w, what);
	n = pread(fd, block, BLOCK, (off_t)i * BLOCK);
	if (finish(w, n, true, 0))
		return;
	if (n == BLOCK && is_expected(&states[i], block, w->id, i))
		return;
	describe_block(block, w->id, i, text, n == BLOCK ? sizeof(text) : 0);
	problem(
	    "thread %u: %s: block %u (%zd bytes) has %s, where %llu is due, or in part %llu, the last of %u "
	    "answered EIO",
	    w->id, what, i, n, text, (unsigned long long)states[i].version,
	    (unsigned long long)(states[i].n_maybe ? states[i].maybe[(states[i].n_maybe - 1) % MAYBES] : 0),
	    states[i].n_maybe);
}

static void step_keep(struct worker *w)
{
	write_block(w, w->keep_fd, w->keep, "write of an open file");
	check_block(w, w->keep_fd, w->keep, next_random(w) % BLOCKS, "read of an open file");
}

static void step_gone(struct worker *w)
{
	write_block(w, w->gone_fd, w->gone, "write of an unlinked file");
	check_block(w, w->gone_fd, w->gone, next_random(w) % BLOCKS, "read of an unlinked file");
}

/* -- the log
 * ---------------------------------------------------------------------------------------------------- */

static void step_log(struct worker *w)
{
	char record[RECORD + 1];
	ssize_t n;
	uint32_t i = w->n_records;

	if (i == RECORDS_MAX)
		return;
	snprintf(record, sizeof(record), "%03u %010u %*s\n", w->id, i, RECORD - 16, "record");
	begin(w, "append");
	n = write(w->log_fd, record, RECORD);
	w->records[i] = finish(w, n, true, 0) ? RECORD_MAYBE : RECORD_ACKNOWLEDGED;
	if (n >= 0 && n != RECORD)
		problem("thread %u: append wrote %zd bytes only", w->id, n);
	w->n_records++;
}

/* Every acknowledged record once, each other one at most once, all in order. */
static void check_log(struct worker *w)
{
	char path[4096], record[RECORD + 1] = "";
	uint32_t next = 0, i = 0;
	unsigned id = 0;
	FILE *f;

	path_of(w, path, sizeof(path), "log");
	f = fopen(path, "re");
	if (!f) {
		problem("thread %u: the log cannot be opened: %s", w->id, strerrorname_np(errno));
		return;
	}
	while (fread(record, RECORD, 1, f) == 1) {
		if (sscanf(record, "%u %u ", &id, &i) != 2 || id != w->id || i < next || i >= w->n_records) {
			problem("thread %u: the log has '%.20s' where %u or later is due", w->id, record,
				next);
			break;
		}
		for (; next < i; next++) {
			if (w->records[next] == RECORD_ACKNOWLEDGED)
				problem("thread %u: acknowledged record %u is lost", w->id, next);
		}
		next = i + 1;
	}
	for (; next < w->n_records; next++) {
		if (w->records[next] == RECORD_ACKNOWLEDGED)
			problem("thread %u: acknowledged record %u is lost at the end", w->id, next);
	}
	fclose(f);
}

/* -- names
 * ------------------------------------------------------------------------------------------------------ */

/* What was answered EIO may have happened; the way back makes sure that the names are free again. */
static void remove_quietly(struct worker *w, const char *path)
{
	for (int tries = 0; tries < 100; tries++) {
		begin(w, "unlink to clean up");
		if (finish(w, unlink(path), false, ENOENT) != EIO)
			return;
	}
	problem("thread %u: %s cannot be removed", w->id, path);
}

static void step_names(struct worker *w)
{
	char a[4096], b[4096];
	struct stat st;
	int fd;

	path_of(w, a, sizeof(a), "new");
	path_of(w, b, sizeof(b), "renamed");
	begin(w, "create");
	fd = open(a, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (finish(w, fd, false, 0)) {
		remove_quietly(w, a);
		return;
	}
	begin(w, "write of a new file");
	finish(w, write(fd, "x", 1), true, 0);
	begin(w, "close");
	finish(w, close(fd), true, 0);
	begin(w, "rename");
	if (finish(w, rename(a, b), false, 0)) {
		remove_quietly(w, a);
	} else {
		begin(w, "stat of a renamed file");
		finish(w, stat(b, &st), true, 0);
	}
	remove_quietly(w, b);
}

static void step_mkdir(struct worker *w)
{
	char path[4096];
	int err;

	path_of(w, path, sizeof(path), "subdir");
	begin(w, "mkdir");
	err = finish(w, mkdir(path, 0755), false, 0);
	for (int tries = 0; tries < 100; tries++) {
		begin(w, "rmdir");
		/* After a doubtful mkdir or rmdir it may not be there. */
		if (finish(w, rmdir(path), false, err ? ENOENT : 0) != EIO)
			return;
		err = EIO;
	}
	problem("thread %u: subdir cannot be removed", w->id);
}

static void step_stat(struct worker *w)
{
	char path[4096];
	struct stat st;

	path_of(w, path, sizeof(path), "keep");
	begin(w, "stat");
	if (finish(w, stat(path, &st), true, 0))
		return;
	if (st.st_dev != stress.dev)
		problem("st_dev changed from %llx to %llx", (unsigned long long)stress.dev,
			(unsigned long long)st.st_dev);
	if (st.st_size != BLOCK * BLOCKS)
		problem("thread %u: size is %lld", w->id, (long long)st.st_size);
}

static void step_missing(struct worker *w)
{
	char path[4096], name[40];
	struct stat st;

	snprintf(name, sizeof(name), "missing-%u", next_random(w));
	path_of(w, path, sizeof(path), name);
	begin(w, "stat of a missing name");
	if (finish(w, stat(path, &st), true, ENOENT) == 0)
		problem("thread %u: %s exists", w->id, name);
}

static void step_cwd(struct worker *w)
{
	char buf[4096];
	struct stat st;

	begin(w, "stat in the working directory");
	finish(w, stat("marker", &st), true, 0);
	begin(w, "getcwd");
	finish(w, getcwd(buf, sizeof(buf)) ? 0 : -1, true, 0);
}

/* -- the half-read directory
 * ------------------------------------------------------------------------------------ */

static void start_listing(struct worker *w)
{
	rewinddir(w->dir);
	memset(w->seen, 0, sizeof(w->seen));
}

static void check_listing(struct worker *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ENTRIES; i++)
		n += w->seen[i];
	if (n != ENTRIES)
		problem("thread %u: a listing had %u of %u entries", w->id, n, ENTRIES);
}

/* A few entries further; at the end everything must have been seen exactly once. */
static void step_listing(struct worker *w)
{
	for (unsigned k = 0; k < 20; k++) {
		struct dirent *e;
		unsigned i;

		errno = 0;
		begin(w, "readdir");
		e = readdir(w->dir);
		if (finish(w, !e && errno ? -1 : 0, true, 0)) {
			start_listing(w);
			return;
		}
		if (!e) {
			check_listing(w);
			start_listing(w);
			return;
		}
		if (sscanf(e->d_name, "entry-%u", &i) == 1 && i < ENTRIES && w->seen[i]++)
			problem("thread %u: %s was listed twice", w->id, e->d_name);
	}
}

/* -- the lock
 * --------------------------------------------------------------------------------------------------- */

static int lock_file(int command, struct flock *lock)
{
	int fd = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644), rc;

	*lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fd < 0)
		return -1;
	rc = fcntl(fd, command, lock);
	/* Closing it would give up the lock (any close of the file does); the descriptor stays. */
	return rc;
}

/* In another process: is the lock held? */
static void check_lock(struct worker *w)
{
	struct flock lock;
	int status = 0;
	pid_t pid;

	begin(w, "fork to look at the lock");
	pid = fork();
	if (pid == 0) {
		if (lock_file(F_GETLK, &lock) < 0)
			_exit(errno == EIO ? 2 : 3);
		_exit(lock.l_type == F_UNLCK ? 1 : 0);
	}
	finish(w, pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : 0, true, 0);
	if (WEXITSTATUS(status) == 1)
		problem("the lock is not held any more");
	else if (WEXITSTATUS(status) == 3)
		problem("the lock cannot be looked at");
}

/* -- threads
 * ---------------------------------------------------------------------------------------------------- */

static int must(int rc, const char *what, const char *path)
{
	if (rc < 0) {
		fprintf(stderr, "stress: cannot prepare: %s %s: %s\n", what, path, strerror(errno));
		exit(2);
	}
	return rc;
}

static int prepare_file(struct worker *w, const char *name, struct block_state *states)
{
	unsigned char block[BLOCK];
	char path[4096];
	int fd;

	path_of(w, path, sizeof(path), name);
	fd = must(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), "open", path);
	for (unsigned i = 0; i < BLOCKS; i++) {
		states[i].version = ++w->version;
		fill_block(block, w->id, i, w->version);
		must((int)pwrite(fd, block, BLOCK, (off_t)i * BLOCK), "write", path);
	}
	return fd;
}

static void prepare_entries(struct worker *w)
{
	char path[4096], name[64];

	path_of(w, path, sizeof(path), "many");
	must(mkdir(path, 0755), "mkdir", path);
	for (unsigned i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "many/entry-%u", i);
		path_of(w, path, sizeof(path), name);
		close(must(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), "create", path));
	}
	path_of(w, path, sizeof(path), "many");
	w->dir = opendir(path);
	must(w->dir ? 0 : -1, "opendir", path);
}

static void prepare(struct worker *w, unsigned id)
{
	char path[4096];

	w->id = id;
	w->random = 2463534242u + id * 7919;
	w->records = calloc(RECORDS_MAX, 1);
	must(w->records ? 0 : -1, "allocate", "records");
	path_of(w, path, sizeof(path), "");
	must(mkdir(path, 0755), "mkdir", path);
	w->keep_fd = prepare_file(w, "keep", w->keep);
	w->gone_fd = prepare_file(w, "gone", w->gone);
	path_of(w, path, sizeof(path), "gone");
	must(unlink(path), "unlink", path);
	path_of(w, path, sizeof(path), "log");
	w->log_fd = must(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), "open", path);
	prepare_entries(w);
}

static void *thread_main(void *arg)
{
	static void (*const steps[])(struct worker *) = {step_keep,  step_gone,	   step_log,  step_log,
							 step_names, step_missing, step_stat, step_listing,
							 step_mkdir, step_cwd};
	const struct timespec pause = {.tv_nsec = (long)(stress.pause_ms * NSEC_PER_MSEC)};
	struct worker *w = arg;

	while (!atomic_load(&stress.stop)) {
		steps[next_random(w) % ARRAY_SIZE(steps)](w);
		if (w->id == 0 && w->ops % 512 == 0)
			check_lock(w);
		if (pause.tv_nsec)
			nanosleep(&pause, NULL); /* sleep-ok: the rate of working */
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		check_block(w, w->keep_fd, w->keep, i, "last read of an open file");
		check_block(w, w->gone_fd, w->gone, i, "last read of an unlinked file");
	}
	begin(w, "close of the log");
	finish(w, close(w->log_fd), true, 0);
	return NULL;
}

static void stop_handler(int sig)
{
	(void)sig;
	atomic_store(&stress.stop, true);
}

/* Calls that have not returned for far too long, while they have not. Says so and ends the process. */
static void watch(uint64_t now)
{
	for (unsigned i = 0; i < stress.n_threads; i++) {
		struct worker *w = &stress.workers[i];
		uint64_t since = atomic_load(&w->busy_since);

		if (since && now > since && now - since > 4 * stress.stall_ms * NSEC_PER_MSEC) {
			printf("{\"verdict\":\"failed\",\"hung\":\"%s\",\"hung_ms\":%llu}\n", w->busy_with,
			       (unsigned long long)((now - since) / NSEC_PER_MSEC));
			fflush(stdout);
			_exit(1);
		}
	}
}

static void run(void)
{
	uint64_t end = clock_mono_ns() + stress.seconds * NSEC_PER_SEC, now = 0;
	struct timespec tick = {.tv_nsec = 20 * 1000 * 1000};
	bool joined[THREADS_MAX] = {false};
	unsigned left = stress.n_threads;

	for (unsigned i = 0; i < stress.n_threads; i++)
		must(-pthread_create(&stress.workers[i].thread, NULL, thread_main, &stress.workers[i]),
		     "start", "thread");
	printf("running\n");
	fflush(stdout);
	while (left > 0) {
		nanosleep(&tick, NULL); /* sleep-ok: polling */
		now = clock_mono_ns();
		if (now > end)
			atomic_store(&stress.stop, true);
		watch(now);
		for (unsigned i = 0; i < stress.n_threads; i++) {
			if (!joined[i] && pthread_tryjoin_np(stress.workers[i].thread, NULL) == 0) {
				joined[i] = true;
				left--;
			}
		}
	}
}

static void report(void)
{
	uint64_t ops = 0, records = 0, longest = 0;
	const char *comma = "", *longest_op = "";

	for (unsigned i = 0; i < stress.n_threads; i++) {
		const struct worker *w = &stress.workers[i];

		ops += w->ops;
		records += w->n_records;
		if (w->longest_ns > longest) {
			longest = w->longest_ns;
			longest_op = w->longest_op;
		}
	}
	printf("{\"verdict\":\"%s\",\"ops\":%llu,\"records\":%llu,\"problems\":%llu,\"eio_idempotent\":%llu,"
	       "\"eio_mutating\":%llu,\"longest_us\":%llu,\"longest_op\":\"%s\",\"errors\":{",
	       stress.problems ? "failed" : "ok", (unsigned long long)ops, (unsigned long long)records,
	       (unsigned long long)stress.problems, (unsigned long long)stress.eio_idempotent,
	       (unsigned long long)stress.eio_mutating, (unsigned long long)(longest / 1000), longest_op);
	for (int e = 0; e < ERRNO_MAX; e++) {
		if (stress.errors[e]) {
			printf("%s\"%s\":%llu", comma, strerrorname_np(e),
			       (unsigned long long)stress.errors[e]);
			comma = ",";
		}
	}
	printf("}}\n");
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "t:s:m:p:e")) != -1) {
		if (c == 't')
			stress.n_threads = (unsigned)atoi(optarg);
		else if (c == 's')
			stress.seconds = (unsigned)atoi(optarg);
		else if (c == 'm')
			stress.stall_ms = (unsigned)atoi(optarg);
		else if (c == 'p')
			stress.pause_ms = (unsigned)atoi(optarg);
		else if (c == 'e')
			stress.eio_is_wrong = true;
		else
			exit(100);
	}
	if (optind + 1 != argc || stress.n_threads < 1 || stress.n_threads > THREADS_MAX ||
	    stress.pause_ms >= 1000) {
		fprintf(stderr,
			"usage: stress [-t THREADS] [-s SECONDS] [-m STALL_MS] [-p PAUSE_MS] [-e] DIR\n");
		exit(100);
	}
	snprintf(stress.dir, sizeof(stress.dir), "%s", argv[optind]);
}

int main(int argc, char **argv)
{
	struct sigaction stop = {.sa_handler = stop_handler, .sa_flags = SA_RESTART};
	struct flock lock;
	struct stat st;
	char path[4096];

	parse(argc, argv);
	must(stat(stress.dir, &st), "stat", stress.dir);
	stress.dev = st.st_dev;
	snprintf(path, sizeof(path), "%s/cwd", stress.dir);
	must(mkdir(path, 0755), "mkdir", path);
	must(chdir(path), "chdir", path);
	close(must(open("marker", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), "create", "marker"));
	must(lock_file(F_SETLK, &lock), "lock", "lock");
	for (unsigned i = 0; i < stress.n_threads; i++)
		prepare(&stress.workers[i], i);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	run();
	for (unsigned i = 0; i < stress.n_threads; i++)
		check_log(&stress.workers[i]);
	report();
	return stress.problems ? 1 : 0;
}
