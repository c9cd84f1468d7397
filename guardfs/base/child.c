/* By clone(2) and close_range(2): glibc 2.36 has neither fork with CLONE_FILES nor UNSHARE. */
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LEAVE_MS_MAX 1000u

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

/* Without a stack clone(2) continues on a copy of the caller's. The kernel stores the pidfd through
 * parent_tid. */
static pid_t raw_clone(unsigned long flags, int *pidfd)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD | (pidfd ? CLONE_PIDFD : 0), NULL, pidfd, NULL, NULL);

	return pid < 0 ? -errno : (pid_t)pid;
}

pid_t child_clone_sharing(int *pidfd)
{
	return raw_clone(CLONE_FILES, pidfd);
}

/* UNSHARE copies up to the highest kept, rounded up to 64: no backend's (FD_RESERVED). */
static errint_t keep_only(const int *keep_fds, size_t n_keep)
{
	int staged[CHILD_KEEP_MAX];
	int top = 2;

	for (size_t i = 0; i < n_keep; i++)
		top = MAX(top, keep_fds[i]);
	if (syscall(SYS_close_range, (unsigned)top + 1, ~0u, CLOSE_RANGE_UNSHARE) < 0)
		return -errno;
	for (size_t i = 0; i < n_keep; i++) {
		staged[i] = fcntl(keep_fds[i], F_DUPFD, MAX(top + 1, 3 + (int)n_keep));
		if (staged[i] < 0)
			return -errno;
	}
	if (top > 2 && syscall(SYS_close_range, 3u, (unsigned)top, 0) < 0)
		return -errno;
	for (size_t i = 0; i < n_keep; i++) {
		if (dup2(staged[i], 3 + (int)i) < 0)
			return -errno;
		close(staged[i]);
	}
	return 0;
}

/* Shared page; the child sets it after leaving our table. Mapped at first use. */
static uint32_t *child_left;

static void tell_left(void)
{
	uint32_t *left = child_left;

	child_left = NULL; /* our children get another page */
	__atomic_store_n(left, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, left, FUTEX_WAKE, 1, NULL, NULL, 0);
	munmap(left, sizeof(*left));
}

/* If this process ended or executed before, the table would be the child's alone: its close would hang. */
static void await_left(pid_t pid)
{
	const struct timespec while_it_lives = {.tv_nsec = 10 * NSEC_PER_MSEC};

	for (unsigned ms = 0; ms < LEAVE_MS_MAX && !__atomic_load_n(child_left, __ATOMIC_SEQ_CST); ms += 10) {
		char state = ms ? child_state(pid, NULL) : 'R';

		if (state == 'Z' || state == 0)
			break;
		syscall(SYS_futex, child_left, FUTEX_WAIT, 0, &while_it_lives, NULL, 0);
	}
}

pid_t child_clone(const int *keep_fds, size_t n_keep, int *pidfd)
{
	pid_t pid;

	if (n_keep > CHILD_KEEP_MAX)
		return -EINVAL;
	if (!child_left) {
		void *page = mmap(NULL, sizeof(*child_left), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			return -errno;
		child_left = page;
	}
	__atomic_store_n(child_left, 0, __ATOMIC_SEQ_CST);
	pid = raw_clone(CLONE_FILES, pidfd);
	if (pid == 0) {
		if (keep_only(keep_fds, n_keep) < 0)
			_exit(127);
		tell_left();
	} else if (pid > 0) {
		await_left(pid);
	}
	return pid;
}

/* Returns what follows the name, which may hold a parenthesis (proc(5)); NULL: no process. */
static const char *read_stat(const char *path, char *stat, size_t size)
{
	if (fd_read_file(path, stat, size) < 0)
		return NULL;
	stat = strrchr(stat, ')');
	return stat ? stat + 1 : NULL;
}

char child_state(pid_t pid, uint64_t *start)
{
	char path[32], stat[1024], state = 0;
	unsigned long long ticks = 0;
	const char *fields;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fields = pid > 0 ? read_stat(path, stat, sizeof(stat)) : NULL;
	if (!fields ||
	    sscanf(fields, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &state, &ticks) != 2)
		return 0;
	if (start)
		*start = ticks;
	return state;
}

bool child_has_live_threads(pid_t pid)
{
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *d;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		char state = child_state((pid_t)atol(d->d_name), NULL);

		if (state && !strchr("DZX", state))
			return true;
	}
	return false;
}

bool child_await_threads(pid_t pid, unsigned limit_ms)
{
	uint64_t until_ns = clock_mono_ns() + limit_ms * NSEC_PER_MSEC;

	while (child_has_live_threads(pid)) {
		if (clock_mono_ns() >= until_ns)
			return false;
		/* sleep-ok: a process tells nobody of the ends of its threads. */
		nanosleep(&(struct timespec){.tv_nsec = NSEC_PER_MSEC}, NULL);
	}
	return true;
}

int child_processor(pid_t tid)
{
	char path[48], stat[1024];
	const char *field;
	int processor;

	/* /proc/TID/stat would add up all threads of the process. */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)tid, (int)tid);
	field = tid > 0 ? read_stat(path, stat, sizeof(stat)) : NULL;
	/* The first that follows the name is field 3, the processor field 39. */
	for (unsigned i = 3; field && i < 39; i++)
		field = strchr(field + 1, ' ');
	return field && sscanf(field, "%d", &processor) == 1 ? processor : -1;
}
